"""The learned part at the level of the model: one token a tensor, all in one small network.

    x    = tanh([sensors, descriptors, progress] E + bias)         one row for every tensor
    x    = Performer(x)                                            tensors attend to each other
    xi   = rms_norm(x)
    xi'  = xi + what the tensor's own memory answers               memory
    offsets = bound * tanh(xi' head + roles[role])                 one for each lever

It is read once at the start of a step, before anything moves. The offsets by role are constants:
what a hand-made table of levers could say as well; those by token are what the past is worth.

Source: Jain et al. 2023 for encoder and memory.
Differs: a token stands for a tensor, not for a chunk; it reads statistics over time; it answers
for the levers of a nominal rule.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mnemosyne_tf.learned import encoder, sensors
from mnemosyne_tf.learned.levers import bounded_offsets, lever_heads
from mnemosyne_tf.learned.memory import remember
from mnemosyne_tf.learned.model_entries import (
    NUM_COUNTERS,
    NUM_KEPT,
    ROLE_HEAD,
    TOKEN_HEAD,
)
from mnemosyne_tf.learned.random_features import rms_norm
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.parameter_roles import ROLES, squarest_split
from mnemosyne_tf.step_size import progress
from mnemosyne_tf.structure import Structure
from mnemosyne_tf.variable_plan import MATRIX, VariablePlan

_LAYER_NUMBER = re.compile(r"(?:^|[/_])(?:layers?|blocks?|h)[_./]*(\d+)", re.IGNORECASE)


class ModelLevel:
    """The learned levers of a model.

    Args:
        params: the meta-parameters.
        varied: names of meta-parameters whose values are given with every step.
        names, roles, plans: of all variables of the model, in one order.
        total_steps: of the run, or None when unknown.
    """

    def __init__(
        self,
        params: MetaParams,
        varied: frozenset[str],
        *,
        names: Sequence[str],
        roles: Sequence[str],
        plans: Sequence[VariablePlan],
        total_steps: int | None,
    ):
        by_token, by_role = lever_heads(params.values)
        self.structure, self._total_steps = params.structure, total_steps
        self.has_tokens = by_token or TOKEN_HEAD in varied
        self.is_live = self.has_tokens or by_role or ROLE_HEAD in varied
        self.descriptors = descriptors(names, roles, plans) if self.is_live else None

    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """What is kept of each tensor."""
        if not self.is_live:
            return {}
        shapes = {"sensors": (NUM_KEPT if self.has_tokens else NUM_COUNTERS,)}
        if self.has_tokens and self.structure.use_memory:
            shapes["memory"] = self.structure.memory_shape
        return shapes

    def read(
        self,
        meta_params: Mapping[str, tf.Tensor],
        states: Sequence[Any],
        inputs: Any,
        described: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor | tuple[()], list]:
        """Before a step: the offsets of the levers, and the memories after it.

        Args:
            meta_params: float32 tensors.
            states: of the variables that are moved, each a `VariableState` of tensors.
            inputs: `StepInputs` of the step.
            described: their rows of `descriptors`; None where all variables of the model are moved.

        Returns:
            `[tensors, len(LEVERS)]`, or () without levers; and the memory of each, unchanged when
            `inputs.finite` is False.
        """
        old = [each.memory for each in states]
        if not self.is_live:
            return (), old
        described = tf.convert_to_tensor(self.descriptors if described is None else described)
        answers = tf.matmul(described[:, : len(ROLES)], meta_params[ROLE_HEAD])
        if not self.has_tokens:
            return bounded_offsets(answers), old
        kept = tf.stack([each.sensors for each in states])
        iteration = tf.cast(inputs.iterations, tf.float32)
        done = progress(iteration, total_steps=self._total_steps)
        tokens = encode(meta_params, kept, described, done, self.structure)
        memories = old
        if self.structure.use_memory:
            projection = encoder.projection(self.structure, "memory")
            before = tf.stack(old)
            tokens, after = remember(meta_params, tokens, before, projection=projection)
            memories = tf.unstack(tf.where(inputs.finite, after, before))
        answers += tf.matmul(tokens, meta_params[TOKEN_HEAD])
        return bounded_offsets(answers), memories


def encode(
    meta_params: Mapping[str, tf.Tensor],
    kept: tf.Tensor,
    described: tf.Tensor,
    progress: tuple[tf.Tensor, tf.Tensor],
    structure: Structure,
) -> tf.Tensor:
    """The tokens of all tensors, `[tensors, width]`, RMS-normalised.

    Args:
        meta_params: entries `tensor/...` and `level_2/...`.
        kept: `[tensors, NUM_KEPT]`.
        described: `[tensors, ...]`, of `descriptors`.
        progress: of the run, each `[]`.
        structure: static facts of the meta-parameters.
    """
    run = tf.tile(tf.stack(progress)[tf.newaxis], [described.shape[0], 1])
    inputs = tf.concat([sensors.sensors(kept), described, run], axis=1)
    tokens = tf.tanh(
        tf.matmul(inputs, meta_params["tensor/embedding"]) + meta_params["tensor/bias"]
    )
    if structure.level_2 == "performer":
        tokens = encoder.performer_layer(
            meta_params,
            tokens,
            prefix="level_2",
            directions=encoder.projection(structure, "level_2"),
        )
    return rms_norm(tokens)


def descriptors(
    names: Sequence[str], roles: Sequence[str], plans: Sequence[VariablePlan]
) -> np.ndarray:
    """What never changes of each tensor: its one-hot role, then `model_entries.DESCRIPTORS`.

    Logarithms are relative to a kernel of 64 x 64. Depth is the number of the layer in the name,
    over the largest of the model; without a number it is the index among the variables.

    Returns:
        float32 `[tensors, len(ROLES) + len(DESCRIPTORS)]`.
    """
    numbers = [_layer_number(name) for name in names]
    deepest = max([number for number in numbers if number is not None], default=0)
    rows = []
    for index, (role, number, plan) in enumerate(zip(roles, numbers, plans, strict=True)):
        shape = plan.shape
        fan_in, fan_out = squarest_split(shape) if len(shape) > 1 else (1, plan.num_coords)
        depth = index / max(len(names) - 1, 1) if number is None else number / max(deepest, 1)
        one_hot = [float(role == each) for each in ROLES]
        rows.append(
            [
                *one_hot,
                min(len(shape), 4) / 2.0,
                np.log(fan_in / 64.0) / 4.0,
                np.log(fan_out / 64.0) / 4.0,
                np.log(plan.num_coords / 64.0**2) / 8.0,
                depth,
                float(number is not None),
                np.log(len(names) / 16.0) / 4.0,
                float(plan.path == MATRIX),
                float(plan.decayed),
            ]
        )
    return np.array(rows, np.float32)


def _layer_number(name: str) -> int | None:
    found = _LAYER_NUMBER.search(name)
    return int(found.group(1)) if found else None
