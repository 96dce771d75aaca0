"""The turns of all programs -> the figures of one case, and whether they may be compared."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from models import BertConfig
from pipeline.lab.train_speed.contestants import MATRIX_PRODUCTS, OURS
from pipeline.lab.train_speed.programs import matrix_product
from pipeline.lab.train_speed.running_program import Turn

# At random weights the logits have a standard deviation of at most 0.02 sqrt(hidden), 0.64 at
# hidden 1024: the mean of the losses lies within 0.2 nats, plus 0.3 for 8 next-sentence labels.
_MOST_LOSS_DIFFERENCE = 0.5


def check_same_training(ready: Mapping[str, Mapping[str, Any]], config: BertConfig) -> None:
    """Refuses to compare models or losses that differ.

    Args:
        ready: of each program, what it said of its start: `parameters` and `first_loss`.
        config: of the model that all should train.

    Raises:
        ValueError: a model has more or fewer weights than ours, by more than one dense layer such
            as a pooler; or its first loss is another loss.
    """
    ours = ready[OURS]
    dense = config.hidden_dim * (config.hidden_dim + 1)
    for name, theirs in ready.items():
        if abs(theirs["parameters"] - ours["parameters"]) > dense:
            raise ValueError(
                f"{name} has {theirs['parameters']:,} weights, expected our {ours['parameters']:,}"
                f" or up to {dense:,} more or fewer. Only equal models are compared: give another "
                "version of its library."
            )
        if not abs(theirs["first_loss"] - ours["first_loss"]) <= _MOST_LOSS_DIFFERENCE:
            raise ValueError(
                f"{name} begins with a loss of {theirs['first_loss']:.3f} nats, expected one near "
                f"our {ours['first_loss']:.3f}. Only equal losses are compared: give another "
                "version of its library."
            )


def figures(
    turns: Mapping[str, Sequence[Turn]],
    ready: Mapping[str, Mapping[str, Any]],
    *,
    batch_size: int,
    flops_of_a_sequence: float,
) -> dict[str, Any]:
    """Returns the figures of every program, medians over the rounds.

    Args:
        turns: of each program, one a round; of the matrix products, too.
        ready: of each program, what it said of its start.
        batch_size: sequences a step.
        flops_of_a_sequence: useful ones.

    Returns:
        `matmul_flops_per_second`, per CPU second, and by program under `programs`:
        `sequences_per_cpu_second`; `cpu_seconds` and `wall_seconds` of a step; `times_ours`, the
        median over the rounds of its CPU time divided by ours in the same round; `peak_mb`;
        `fraction_of_peak`; what is in `ready`; `turns`.
    """
    products = [_cpu_seconds(turn) for turn in turns[MATRIX_PRODUCTS]]
    peak = matrix_product.flops_per_step() / statistics.median(products)
    programs = {}
    for name in ready:
        cpu = [_cpu_seconds(turn) for turn in turns[name]]
        rate = batch_size / statistics.median(cpu)
        ours = [_cpu_seconds(turn) for turn in turns[OURS]]
        programs[name] = {
            "sequences_per_cpu_second": rate,
            "cpu_seconds": statistics.median(cpu),
            "wall_seconds": statistics.median(t.wall_seconds / t.steps for t in turns[name]),
            "times_ours": statistics.median(a / b for a, b in zip(cpu, ours, strict=True)),
            "peak_mb": turns[name][-1].peak_mb,
            "fraction_of_peak": rate * flops_of_a_sequence / peak,
            **ready[name],
            "turns": [vars(turn) for turn in turns[name]],
        }
    return {"matmul_flops_per_second": peak, "programs": programs}


def _cpu_seconds(turn: Turn) -> float:
    return turn.cpu_seconds / turn.steps
