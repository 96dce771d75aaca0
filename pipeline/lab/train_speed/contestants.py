"""Which programs are compared, each with the Python that has its library."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Mapping

from pipeline import malloc

_PROGRAMS = pathlib.Path(__file__).parent / "programs"
_OUR_ROOT = str(pathlib.Path(__file__).parents[3])

OURS, BASELINE, MATRIX_PRODUCTS = "mnemosyne", "baseline", "matrix products"
# Name in the table, its program, whether its head can be helped, by the flag of its Python.
PEERS: Mapping[str, tuple[str, str]] = {
    "keras_hub": ("keras-hub", "keras_hub_bert.py"),
    "hf_tf": ("Hugging Face TF", "hf_tf_bert.py"),
    "hf_torch": ("Hugging Face PyTorch", "hf_torch_bert.py"),
}
# Settings of this process that would help or hinder a library that does not know them.
_NOT_INHERITED = ("PYTHONPATH", "GLIBC_TUNABLES", "TF_USE_LEGACY_KERAS", "KERAS_BACKEND")


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A program that trains a BERT.

    Attributes:
        name: in the table.
        program: path of a script, see `programs/measured_program.py`.
        python: interpreter that has its library.
        python_path: a folder to import from, or empty.
        helped: whether it gets what its users do not know: the masked-LM head on the masked
            positions alone, and an allocator that keeps its memory.
        optimizer: `adamw`; ours alone can do `mnemosyne`.
    """

    name: str
    program: str
    python: str = sys.executable
    python_path: str = ""
    helped: bool = False
    optimizer: str = "adamw"

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Returns the variables of its process, from those of this one."""
        kept = {
            name: value
            for name, value in inherited.items()
            if name not in _NOT_INHERITED and not name.startswith("MALLOC_")
        }
        if self.python_path:
            kept["PYTHONPATH"] = self.python_path
        if self.helped:
            kept |= malloc.best_environment()
        return kept | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def matrix_products() -> Contestant:
    """The rate of a float32 matrix product, measured in the same rounds."""
    return Contestant(MATRIX_PRODUCTS, _program("matrix_product.py"))


def contestants(
    *,
    baseline: str | None,
    peers: Mapping[str, str | None],
    with_helped: bool,
    with_mnemosyne: bool,
) -> list[Contestant]:
    """Returns the contestants in the order of the table, ours first.

    Args:
        baseline: another checkout of this project, or None.
        peers: Python by key of `PEERS`; None leaves one out.
        with_helped: whether to measure the helped variants, too.
        with_mnemosyne: whether to measure ours with the optimizer Mnemosyne, too.
    """
    ours = Contestant(OURS, _program("mnemosyne_bert.py"), python_path=_OUR_ROOT)
    found = [ours]
    if with_mnemosyne:
        name = f"{OURS}, its own optimizer"
        found.append(dataclasses.replace(ours, name=name, optimizer="mnemosyne"))
    if baseline:
        found.append(Contestant(BASELINE, _program_of_checkout(baseline), python_path=baseline))
    for key, (name, program) in PEERS.items():
        if python := peers.get(key):
            found.append(Contestant(name, _program(program), python))
    if not with_helped:
        return found
    helped = [
        dataclasses.replace(each, name=f"{each.name}, helped", helped=True)
        for each in found
        if each.optimizer == "adamw"
    ]
    return found + helped


def _program(name: str) -> str:
    return str(_PROGRAMS / name)


def _program_of_checkout(root: str) -> str:
    """Its own script, which knows its interfaces; of a checkout from before this suite, ours."""
    own = pathlib.Path(root) / _PROGRAMS.relative_to(_OUR_ROOT) / "mnemosyne_bert.py"
    return str(own) if own.is_file() else _program("mnemosyne_bert.py")
