"""The learned part at the level of the model, in NumPy: sensors, tokens, memories, offsets."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.parameter_roles import ROLES
from mnemosyne_tf.reference.learned import performer, random_directions, remember

NUM_KEPT = 2 + 3 * 6
BOUNDS = np.array([2.0, 1.0, 2.0])


def sense(
    state: Any,
    gradient: np.ndarray,
    momentum: np.ndarray,
    direction: np.ndarray,
    step: np.ndarray,
    rate: float,
) -> None:
    """Moves the averages of what is measured; `state.sensors` is changed in place.

    Args:
        state: `ReferenceState`, its weight not moved, counters of this step.
        gradient: of this step.
        momentum: bias-corrected.
        direction: before it is orthogonalised.
        step, rate: the weight moves by their product.
    """

    def mean(one, other):
        return (one * other).mean()

    g, m, w, direction, step = (
        _rows(each) for each in (gradient, momentum, state.weight, direction, step)
    )
    gg, mm, uu, ww = mean(g, g), mean(m, m), mean(step, step), mean(w, w)
    tiny = 1e-16
    reading = [
        np.log(gg + tiny),
        np.clip(np.log((mm + tiny) / (gg + tiny)), -8, 2),
        mean(g, m) / np.sqrt((gg + tiny) * (mm + tiny)),
        np.clip(np.log(mean(direction, direction) + tiny), -8, 2),
        mean(step, w) / np.sqrt((uu + tiny) * (ww + tiny)),
        np.clip(np.log((rate**2 * uu + tiny) / (ww + 1e-8)), -24, 4),
    ]
    count = state.sensors[0]
    for index, window in enumerate((5, 50, 500)):
        average = state.sensors[2 + 6 * index : 8 + 6 * index]
        average += max(1 / window, 1 / count) * (np.array(reading) - average)


def _rows(tensor: np.ndarray) -> np.ndarray:
    """All rows, or those at equal distances that make some 65,536 coordinates."""
    rows = tensor.reshape(-1, (1, *tensor.shape)[-1])
    return rows[:: max(1, min(len(rows), tensor.size // 2**16))]


def sensors(kept: np.ndarray) -> np.ndarray:
    """What the token of one tensor reads of its past."""
    if kept[0] == 0:
        return np.zeros(17)
    fast, middle, slow = kept[2:].reshape(3, 6)
    levels = [0.25 * middle[1], middle[2], 0.25 * middle[3], 3 * middle[4], 0.15 * (middle[5] + 12)]
    scales = np.array([0.5, 0.5, 2.0, 0.5, 3.0, 0.5])
    trends = np.concatenate([scales * (fast - middle), scales * (middle - slow)])
    return np.concatenate([levels, trends / np.sqrt(1 + trends**2)])


def read_levers(
    meta: MetaParams,
    states: Sequence[Any],
    descriptors: np.ndarray,
    *,
    iterations: int,
    total_steps: int | None,
) -> np.ndarray:
    """The log-offsets of a step, `[tensors, 3]`; memories are changed in place.

    Args:
        meta: the meta-parameters.
        states: of all tensors, before the step.
        descriptors: of `learned.model_level`, one row a tensor.
        iterations: steps taken before.
        total_steps: of the run.
    """
    p = {name: np.asarray(value, np.float64) for name, value in meta.values.items()}
    progress = [0.0, 0.0] if total_steps is None else [1.0, min(1.0, iterations / total_steps)]
    tokens = np.array(
        [
            np.concatenate([sensors(state.sensors), row, progress]) @ p["tensor/embedding"]
            for state, row in zip(states, descriptors, strict=True)
        ]
    )
    tokens = np.tanh(tokens + p["tensor/bias"])
    if meta.structure.level_2 == "performer":
        tokens = performer(p, tokens, "level_2", random_directions(meta, 1))
    tokens = tokens / np.sqrt((tokens**2).mean(axis=1, keepdims=True) + 1e-6)
    if meta.structure.use_memory:
        tokens = remember(p, meta, tokens, [state.memory for state in states])
    roles = descriptors[:, : len(ROLES)].argmax(axis=1)
    answers = tokens @ p["lever_head/kernel"] + p["lever_head/roles"][roles]
    return BOUNDS * np.tanh(answers)
