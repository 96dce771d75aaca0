"""Which programs are compared, each with the Python that has its library."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

from pipeline.lab.train_speed.contestants import OURS, Contestant

_PROGRAMS = pathlib.Path(__file__).parent / "programs"
_OUR_ROOT = str(pathlib.Path(__file__).parents[3])
# Name in the table and program, by the flag of its Python.
PEERS: Mapping[str, tuple[str, str]] = {
    "keras_hub": ("keras-hub", "keras_hub_classifier.py"),
    "hf_tf": ("Hugging Face TF", "hf_tf_classifier.py"),
}


def contestants(*, peers: Mapping[str, str | None], with_mnemosyne: bool) -> list[Contestant]:
    """Returns the contestants in the order of the table, ours first.

    Args:
        peers: Python by key of `PEERS`; None leaves one out.
        with_mnemosyne: whether to measure ours with the optimizer Mnemosyne, too.
    """
    ours = Contestant(OURS, _program("mnemosyne_classifier.py"), python_path=_OUR_ROOT)
    found = [ours]
    if with_mnemosyne:
        name = f"{OURS}, its own optimizer"
        found.append(dataclasses.replace(ours, name=name, optimizer="mnemosyne"))
    for key, (name, program) in PEERS.items():
        if python := peers.get(key):
            found.append(Contestant(name, _program(program), python))
    return found


def _program(name: str) -> str:
    return str(_PROGRAMS / name)
