"""Which programs train a BERT, each with the Python that has its library."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

from pipeline.lab.side_by_side import contestant, peers
from pipeline.lab.side_by_side.contestant import OUR_ROOT, Contestant

BASELINE, MATRIX_PRODUCTS = "baseline", "matrix products"
PEERS = ("keras_hub", "hf_tf", "hf_torch")
_PROGRAMS = pathlib.Path(__file__).parent / "programs"


def matrix_products() -> Contestant:
    """The rate of a float32 matrix product, measured in the same rounds."""
    return Contestant(MATRIX_PRODUCTS, str(_PROGRAMS / "matrix_product.py"))


def contestants(
    *,
    baseline: str | None,
    pythons: Mapping[str, str | None],
    with_helped: bool,
    with_mnemosyne: bool,
) -> list[Contestant]:
    """Returns the contestants in the order of the table, ours first.

    Args:
        baseline: another checkout of this project, or None.
        pythons: of other libraries, by key of `peers.NAMES`; None leaves one out.
        with_helped: whether to measure the helped variants, too.
        with_mnemosyne: whether to measure ours with the optimizer Mnemosyne, too.
    """
    found = contestant.ours(_program("mnemosyne"), with_mnemosyne=with_mnemosyne)
    if baseline:
        found.append(Contestant(BASELINE, _program_of_checkout(baseline), python_path=baseline))
    found += peers.contestants(pythons, _program)
    if not with_helped:
        return found
    helped = [
        dataclasses.replace(each, name=f"{each.name}, helped", helped=True)
        for each in found
        if each.optimizer == "adamw"
    ]
    return found + helped


def _program(library: str) -> str:
    return str(_PROGRAMS / f"{library}_bert.py")


def _program_of_checkout(root: str) -> str:
    """Its own script, which knows its interfaces; of a checkout from before this suite, ours."""
    ours = _program("mnemosyne")
    own = pathlib.Path(root) / pathlib.Path(ours).relative_to(OUR_ROOT)
    return str(own) if own.is_file() else ours
