"""Which outer tasks a meta-step has."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.lab.derived_seed import derived_rng


def tasks_of(names: Sequence[str], size: int, meta_step: int, seed: int) -> list[str]:
    """Tasks of a meta-step: every task comes up once before any comes up again.

    Args:
        names: of all tasks, some perhaps more than once.
        size: how many to draw; one that is drawn twice in a meta-step counts once.
        meta_step: counted from 0.
        seed: of the order.
    """
    chosen = []
    for drawn in range(meta_step * size, (meta_step + 1) * size):
        round_, index = divmod(drawn, len(names))
        order = derived_rng(seed, round_).permutation(len(names))
        chosen.append(names[order[index]])
    return list(dict.fromkeys(chosen))
