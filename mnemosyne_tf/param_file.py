"""A structure and the float32 arrays that fill it: checked, saved, loaded, put in a configuration.

On disk it is one `.npz`: the arrays under their names and the structure as JSON text.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

FORMAT_VERSION = 1

Self = TypeVar("Self", bound="ParameterSet")


@dataclasses.dataclass(frozen=True)
class ParameterSet:
    """A structure and its values, checked against each other.

    A subclass names the class of its structure: a frozen dataclass with `shapes()`, name and shape
    of every entry, and `bounds()`, the smallest and largest value of the entries that have them;
    a word for its untrained values, which `untrained()` makes; `named_files`, the released sets by
    name; and `neutral_entries`, entries with the value that changes nothing, which files of before
    they were added lack.

    Attributes:
        structure: sizes and variants.
        values: float32 array per name of `structure.shapes()`.
    """

    structure_class: ClassVar[type]
    untrained_name: ClassVar[str]
    named_files: ClassVar[Mapping[str, pathlib.Path]] = {}
    neutral_entries: ClassVar[Mapping[str, float]] = {}

    structure: Any
    values: Mapping[str, np.ndarray]

    def __post_init__(self):
        values = {name: np.asarray(value, np.float32) for name, value in self.values.items()}
        _validate(self.structure, values)
        object.__setattr__(self, "values", values)

    @classmethod
    def untrained(cls: type[Self]) -> Self:
        """The values before any meta-training, for the default structure."""
        raise NotImplementedError

    @classmethod
    def resolve(cls: type[Self], given: "str | os.PathLike | Self | Mapping[str, Any]") -> Self:
        """A set from what a user may give: one, its `to_config()`, its file, or a name.

        Raises:
            FileNotFoundError: `given` names a file that does not exist.
            ValueError: what was found is not such a set.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, Mapping):
            return cls.from_config(given)
        if given == cls.untrained_name:
            return cls.untrained()
        return cls.load(cls.named_files.get(given, given))

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike) -> Self:
        """Reads a file written by `save`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not such a file, or its entries do not fit its structure.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            names = " or ".join(f'"{name}"' for name in (*cls.named_files, cls.untrained_name))
            raise FileNotFoundError(
                f"Expected a file of meta-parameters at {path}, found none. Give the path of a "
                f".npz written by {cls.__name__}.save, or {names}."
            )
        try:
            with np.load(path, allow_pickle=False) as archive:
                entries = {name: archive[name] for name in archive.files}
            header = json.loads(str(entries.pop("structure")))
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"Expected {path} to be a .npz written by {cls.__name__}.save, could not read it: "
                f"{error}."
            ) from error
        return cls.from_config({"structure": header, "values": entries})

    def save(self, path: str | os.PathLike) -> None:
        """Writes one `.npz`, under a temporary name first, so that no half file is left."""
        path = pathlib.Path(path)
        temporary = path.with_name(path.name + ".partial")
        with open(temporary, "wb") as file:
            np.savez(file, structure=np.array(json.dumps(self._header())), **self.values)
        os.replace(temporary, path)

    def to_config(self) -> dict[str, Any]:
        """JSON form of the whole; float32 survives the round trip exactly."""
        return {
            "structure": self._header(),
            "values": {name: value.tolist() for name, value in self.values.items()},
        }

    @classmethod
    def from_config(cls: type[Self], config: Mapping[str, Any]) -> Self:
        """The inverse of `to_config`; what was added since has the value that changes nothing.

        That is the default of a key of the structure, and the neutral value of an entry.

        Raises:
            ValueError: another format version, an unknown structure key, entries that do not fit.
        """
        header = dict(config["structure"])
        version = header.pop("format_version", None)
        if version != FORMAT_VERSION:
            raise ValueError(
                f"Expected meta-parameters of format_version {FORMAT_VERSION}, received "
                f"{version}. Use the release of mnemosyne_tf that wrote them."
            )
        known = {field.name for field in dataclasses.fields(cls.structure_class)}
        if unknown := sorted(set(header) - known):
            raise ValueError(
                f"Expected the structure of {cls.__name__} with keys among {sorted(known)}, "
                f"received also {unknown}. Another optimizer or a newer release wrote it."
            )
        structure = cls.structure_class(**header)
        shapes = structure.shapes()
        neutral = {name: each for name, each in cls.neutral_entries.items() if name in shapes}
        return cls(structure, {**neutral, **config["values"]})

    def fingerprint(self) -> str:
        """SHA-256 of the whole, 64 hexadecimal digits: what a log says of the set in use.

        What changes nothing is left out: keys of the structure that have their default, entries
        that are neutral. So a set keeps its fingerprint when such a key or entry is added.
        """
        digest = hashlib.sha256(type(self).__name__.encode())
        for field in dataclasses.fields(self.structure):
            value = getattr(self.structure, field.name)
            if value != field.default:
                digest.update(f"{field.name}={value!r};".encode())
        for name in sorted(self.values):
            if name in self.neutral_entries and self.values[name] == self.neutral_entries[name]:
                continue
            value = np.ascontiguousarray(self.values[name], "<f4")
            digest.update(f"{name}{value.shape}".encode() + value.tobytes())
        return digest.hexdigest()

    def _header(self) -> dict[str, Any]:
        return {"format_version": FORMAT_VERSION} | dataclasses.asdict(self.structure)


def _validate(structure: Any, values: Mapping[str, np.ndarray]) -> None:
    """Raises ValueError that names every missing, extra, misshapen, non-finite or wild entry."""
    shapes, bounds = structure.shapes(), structure.bounds()
    faults = [f"missing {name}" for name in shapes if name not in values]
    faults += [f"extra {name}" for name in values if name not in shapes]
    for name in shapes.keys() & values.keys():
        value = values[name]
        if value.shape != shapes[name]:
            faults.append(f"{name} of shape {shapes[name]} expected, received {value.shape}")
        elif not np.all(np.isfinite(value)):
            faults.append(f"{name} holds non-finite values")
        elif name in bounds:
            low, high = bounds[name]
            if not low <= float(value) <= np.float32(high):
                faults.append(f"{name} in [{low}, {high}] expected, received {float(value)}")
    if faults:
        raise ValueError(
            f"Meta-parameters do not fit their structure {structure}: " + "; ".join(sorted(faults))
        )
