"""Meta-parameters: the frozen numbers that make Mnemosyne the optimizer it is.

A `Structure` fixes sizes and variants, `MetaParams` holds one float32 array per name. The untrained
values are called "nominal": random encoders, zero output heads, hand-chosen rates. With zero heads
the update is exactly the nominal rule, whatever the encoders compute.

On disk they are one `.npz`: the arrays under their names and the structure as JSON text.
"""

import dataclasses
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

LEVEL_1_ENCODERS = ("mean", "performer")
FORMAT_VERSION = 1
NUM_FEATURES = 3
NUM_STATISTICS = 6
NUM_CONTEXT = 6
# Name: (untrained value, smallest, largest). The bounds keep every update bounded.
NOMINAL_RULE = {
    "rule/matrix_rate": (12e-3, 0.0, 1.0),
    "rule/elementwise_rate": (8e-3, 0.0, 1.0),
    "rule/momentum_decay": (0.9, 0.0, 0.9999),
    "rule/second_moment_decay": (0.95, 0.0, 0.9999),
    "rule/warmup_fraction": (0.1, 0.0, 0.9),
    "rule/warmup_steps": (100.0, 1.0, 1e6),
}
ZERO_HEADS = ("step_head/kernel", "step_head/bias", "film_head/kernel", "film_head/bias",
              "network/output")  # fmt: skip
# exp(-0.02): the memory looks back over some 50 steps.
INITIAL_LOG_TAU = float(np.log(0.02))


@dataclasses.dataclass(frozen=True)
class Structure:
    """Sizes and variants of a set of meta-parameters.

    Attributes:
        chunk_size: longest chunk of coordinates behind one meta-token; 1 with level_1="performer"
            is the paper's coordinate-wise variant.
        width: length of a meta-token, d.
        num_random_features: r, even.
        level_1: "mean" (fast) or "performer" (the paper's).
        hidden_units: hidden units of the coordinate-wise network.
        use_memory: False leaves the compact associative memory out.
        network_on_matrices: whether the coordinate-wise network also acts on matrix directions,
            before they are orthogonalised.
        seed: seed of the random features and of the untrained encoders.
    """

    chunk_size: int = 1024
    width: int = 16
    num_random_features: int = 16
    level_1: str = "mean"
    hidden_units: int = 4
    use_memory: bool = True
    network_on_matrices: bool = False
    seed: int = 0

    def __post_init__(self):
        for name in ("chunk_size", "width", "num_random_features", "hidden_units"):
            if getattr(self, name) < 1:
                raise ValueError(f"Expected {name} of at least 1, received {getattr(self, name)}.")
        if self.num_random_features % 2:
            raise ValueError(
                "Expected an even num_random_features (each direction gives exp(w.z) and "
                f"exp(-w.z)), received {self.num_random_features}."
            )
        if self.level_1 not in LEVEL_1_ENCODERS:
            raise ValueError(f"Expected level_1 in {LEVEL_1_ENCODERS}, received {self.level_1!r}.")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every entry, in the order of the computation."""
        width, hidden = self.width, self.hidden_units
        shapes: dict[str, tuple[int, ...]] = {name: () for name in NOMINAL_RULE}
        if self.level_1 == "mean":
            shapes["level_1/statistics"] = (NUM_STATISTICS, width)
        else:
            shapes["level_1/features"] = (NUM_FEATURES, width)
            shapes |= _performer_shapes("level_1", width)
        shapes["level_1/context"] = (NUM_CONTEXT, width)
        shapes["level_1/bias"] = (width,)
        shapes |= _performer_shapes("level_2", width)
        if self.use_memory:
            shapes |= {f"memory/{part}": (width, width) for part in ("query", "key", "value")}
            shapes["memory/log_tau"] = ()
        shapes["step_head/kernel"] = (width,)
        shapes["step_head/bias"] = ()
        shapes["film_head/kernel"] = (width, 2 * hidden)
        shapes["film_head/bias"] = (2 * hidden,)
        shapes["network/input"] = (NUM_FEATURES, hidden)
        shapes["network/bias"] = (hidden,)
        shapes["network/output"] = (hidden,)
        return shapes


def _performer_shapes(prefix: str, width: int) -> dict[str, tuple[int, ...]]:
    shapes = {f"{prefix}/{part}": (width, width) for part in ("query", "key", "value", "output")}
    return shapes | {f"{prefix}/inner": (width, 2 * width), f"{prefix}/outer": (2 * width, width)}


@dataclasses.dataclass(frozen=True)
class MetaParams:
    """A structure and its values, checked against each other.

    Attributes:
        structure: sizes and variants.
        values: float32 array per name of `structure.shapes()`.
    """

    structure: Structure
    values: Mapping[str, np.ndarray]

    def __post_init__(self):
        values = {name: np.asarray(value, np.float32) for name, value in self.values.items()}
        _validate(self.structure, values)
        object.__setattr__(self, "values", values)

    @classmethod
    def nominal(cls, structure: Structure | None = None) -> "MetaParams":
        """The untrained values: random encoders, zero heads, the nominal rule."""
        structure = structure or Structure()
        random = np.random.RandomState(structure.seed)
        values: dict[str, Any] = {}
        for name, shape in structure.shapes().items():
            if name in NOMINAL_RULE:
                values[name] = NOMINAL_RULE[name][0]
            elif name == "memory/log_tau":
                values[name] = INITIAL_LOG_TAU
            elif name in ZERO_HEADS or len(shape) < 2:
                values[name] = np.zeros(shape)
            else:
                values[name] = random.standard_normal(shape) / np.sqrt(shape[0])
        return cls(structure, values)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "MetaParams":
        """Reads a file written by `save`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not such a file, or its entries do not fit its structure.
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"Expected a file of meta-parameters at {path}, found none. Give the path of a "
                '.npz written by MetaParams.save, or "nominal" for the untrained values.'
            )
        try:
            with np.load(path, allow_pickle=False) as archive:
                entries = {name: archive[name] for name in archive.files}
            header = json.loads(str(entries.pop("structure")))
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"Expected {path} to be a .npz written by MetaParams.save, could not read it: "
                f"{error}."
            ) from error
        return cls.from_config({"structure": header, "values": entries})

    def save(self, path: str | os.PathLike) -> None:
        """Writes one `.npz`, under a temporary name first, so that no half file is left."""
        path = pathlib.Path(path)
        temporary = path.with_name(path.name + ".partial")
        header = {"format_version": FORMAT_VERSION} | dataclasses.asdict(self.structure)
        with open(temporary, "wb") as file:
            np.savez(file, structure=np.array(json.dumps(header)), **self.values)
        os.replace(temporary, path)

    def to_config(self) -> dict[str, Any]:
        """JSON form of the whole; float32 survives the round trip exactly."""
        return {
            "structure": {"format_version": FORMAT_VERSION} | dataclasses.asdict(self.structure),
            "values": {name: value.tolist() for name, value in self.values.items()},
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "MetaParams":
        """The inverse of `to_config`.

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
        known = {field.name for field in dataclasses.fields(Structure)}
        if unknown := sorted(set(header) - known):
            raise ValueError(
                f"Expected structure keys among {sorted(known)}, received also {unknown}."
            )
        return cls(Structure(**header), config["values"])


def _validate(structure: Structure, values: Mapping[str, np.ndarray]) -> None:
    """Raises ValueError that names every missing, extra, misshapen, non-finite or wild entry."""
    shapes = structure.shapes()
    faults = [f"missing {name}" for name in shapes if name not in values]
    faults += [f"extra {name}" for name in values if name not in shapes]
    for name in shapes.keys() & values.keys():
        value = values[name]
        if value.shape != shapes[name]:
            faults.append(f"{name} of shape {shapes[name]} expected, received {value.shape}")
        elif not np.all(np.isfinite(value)):
            faults.append(f"{name} holds non-finite values")
        elif name in NOMINAL_RULE:
            _, low, high = NOMINAL_RULE[name]
            if not low <= float(value) <= np.float32(high):
                faults.append(f"{name} in [{low}, {high}] expected, received {float(value)}")
    if faults:
        raise ValueError(
            f"Meta-parameters do not fit their structure {structure}: " + "; ".join(sorted(faults))
        )
