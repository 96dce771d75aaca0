"""A program that is measured, with the Python that has its library."""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Mapping

from pipeline import malloc

OURS = "mnemosyne"
OUR_ROOT = str(pathlib.Path(__file__).parents[3])
# Of every program.
ADAMW = {"learning_rate": 1e-4, "weight_decay": 0.01, "clip_norm": 1.0}
# Settings of this process that would help or hinder a library that does not know them.
_NOT_INHERITED = ("PYTHONPATH", "GLIBC_TUNABLES", "TF_USE_LEGACY_KERAS", "KERAS_BACKEND")


@dataclasses.dataclass(frozen=True)
class Contestant:
    """A program that trains a model.

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


def ours(program: str, *, with_mnemosyne: bool) -> list[Contestant]:
    """Returns our program, and the same with the optimizer Mnemosyne if that is wanted, too."""
    adamw = Contestant(OURS, program, python_path=OUR_ROOT)
    name = f"{OURS}, its own optimizer"
    mnemosyne = dataclasses.replace(adamw, name=name, optimizer="mnemosyne")
    return [adamw, mnemosyne] if with_mnemosyne else [adamw]
