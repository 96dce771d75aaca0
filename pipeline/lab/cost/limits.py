"""Which variants of the optimizer fit the limits of a measurement, and why the others do not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from pipeline.lab.cost import shapes, timing
from pipeline.lab.cost.shapes import Variables


@dataclasses.dataclass(frozen=True)
class Limits:
    """The most that the measurement of a size may take.

    Attributes:
        minutes: of all variants together, at the measured peak rates.
        gigabytes: of memory, all variants together.
        state_gigabytes: of one variant's state.
    """

    minutes: float = 5
    gigabytes: float = 12
    state_gigabytes: float = 2


def within_limits(
    names: Sequence[str],
    variables: Variables,
    peaks: Mapping[str, float],
    *,
    repeats: int,
    limits: Limits,
) -> tuple[list[str], dict[str, str]]:
    """Returns the variants that fit together with those before them, and why the others do not."""
    # Weights and gradients, then AdamW's two moments; every contestant keeps its state throughout.
    gigabytes = 4e-9 * 4 * shapes.num_weights(variables)
    minutes, fitting, left_out = 0.0, [], {}
    for name in names:
        state = 4e-9 * shapes.state_floats(variables, timing.kept_structure(name))
        least = floor_seconds(name, variables, peaks) * (repeats + 1) / 60
        if state > limits.state_gigabytes:
            left_out[name] = f"state of {state:.1f} GB, more than --max_state_gb"
        elif gigabytes + state > limits.gigabytes:
            left_out[name] = f"{gigabytes + state:.1f} GB with the others, more than --max_gb"
        elif minutes + least > limits.minutes:
            left_out[name] = (
                f"{repeats + 1} updates take {least:.1f} minutes at least, "
                f"{minutes + least:.1f} with the others, more than --max_minutes"
            )
        else:
            gigabytes, minutes = gigabytes + state, minutes + least
            fitting.append(name)
    return fitting, left_out


def floor_seconds(name: str, variables: Variables, peaks: Mapping[str, float]) -> float:
    """Returns the least CPU seconds of an update, at the measured peak rates of the core."""
    seconds = timing.FLOOR_BYTES * shapes.num_weights(variables) / peaks["bytes_per_second"]
    if name != timing.ADAMW and timing.VARIANTS[name][1]:
        seconds += shapes.newton_schulz_flops(variables) / peaks["matmul_flops_per_second"]
    return seconds
