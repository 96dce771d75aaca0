"""Optimizers as pure functions of tensors, for runs that are compiled whole and differentiated.

An inner optimizer makes the state of a variable and moves it by a gradient; around it stands what
its Keras class does with variables. Every state is a named tuple that holds the `weight`.
"""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from mnemosyne_tf import update_rule
from mnemosyne_tf.guarded_optimizer import UNDECAYED_NAMES
from mnemosyne_tf.learned.heads import output_heads
from mnemosyne_tf.lstm import update_rule as lstm_update
from mnemosyne_tf.lstm.update_rule import LSTMState
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.size_scaling import scale_rates
from mnemosyne_tf.update_rule import StepInputs, VariableState
from mnemosyne_tf.variable_plan import VariablePlan, plan_variable

WEIGHT_DECAY = 0.01  # the default of `Mnemosyne`; the LSTM optimizers have none


@dataclasses.dataclass(frozen=True)
class InnerOptimizer:
    """What moves the weights of an inner run.

    Attributes:
        params: the meta-parameters.
        varied: names of those that are given anew with every call; the others are constants.
    """

    params: Any
    varied: frozenset[str] = frozenset()

    def meta_params(self, values: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """All meta-parameters, from the values of those that vary."""
        constants = {
            name: tf.constant(value)
            for name, value in self.params.values.items()
            if name not in self.varied
        }
        return {**constants, **values}

    def initial_state(self, name: str, weight: tf.Tensor) -> Any:
        """The state of a variable before its first step."""
        raise NotImplementedError

    def update(
        self,
        meta_params: Mapping[str, tf.Tensor],
        gradients: Mapping[str, tf.Tensor],
        states: Mapping[str, Any],
        inputs: StepInputs,
    ) -> dict[str, Any]:
        """One step of all variables; states come back unchanged when `inputs.finite` is False.

        Variables that can be are moved together, which costs a fraction of the compile time.

        Args:
            meta_params: of `meta_params`.
            gradients: by name of the variable, which decides about routing and weight decay.
            states: before the step.
            inputs: scalars of the step.
        """
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class InnerMnemosyne(InnerOptimizer):
    """`Mnemosyne`, of any structure.

    Attributes:
        total_steps: steps of the run, None where it is not told.
        labels_per_step: of the run, None where it is not told.
        orthogonalise: False sends every variable to the elementwise path.
        weight_decay: per unit of scheduled rate.
    """

    total_steps: int | None = None
    labels_per_step: int | None = None
    orthogonalise: bool = True
    weight_decay: float = WEIGHT_DECAY

    def initial_state(self, name: str, weight: tf.Tensor) -> VariableState:
        """As in `InnerOptimizer`; without heads there is no memory."""
        zeros, memory = tf.zeros_like(weight), ()
        if self.params.structure.use_memory and self._has_heads():
            plan = self._plan(name, weight.shape)
            memory = tf.zeros([plan.num_chunks, *self.params.structure.memory_shape])
        return VariableState(weight, zeros, zeros, memory)

    def update(self, meta_params, gradients, states, inputs) -> dict[str, VariableState]:
        """As in `InnerOptimizer`; variables of one plan are a stack."""
        names_by_plan = collections.defaultdict(list)
        plans = [self._plan(name, state.weight.shape) for name, state in states.items()]
        if self.params.structure.nominal_direction:
            plans = scale_rates(list(states), plans)
        for name, plan in zip(states, plans, strict=True):
            names_by_plan[plan].append(name)
        moved = {}
        for plan, names in names_by_plan.items():
            stacked = update_rule.update(
                meta_params,
                tf.stack([gradients[name] for name in names]),
                tf.nest.map_structure(lambda *each: tf.stack(each), *map(states.get, names)),
                inputs,
                plan=plan,
                structure=self.params.structure,
                settings=RuleSettings(
                    total_steps=self.total_steps,
                    labels_per_step=self.labels_per_step,
                    weight_decay=self.weight_decay,
                ),
            )
            parts = [tf.unstack(part) for part in tf.nest.flatten(stacked)]
            for name, *of_name in zip(names, *parts, strict=True):
                moved[name] = tf.nest.pack_sequence_as(states[name], of_name)
        return {name: moved[name] for name in states}

    def _plan(self, name: str, shape: tf.TensorShape) -> VariablePlan:
        structure = self.params.structure
        return plan_variable(
            name=name,
            shape=shape,
            chunk_size=structure.chunk_size,
            decayed=not any(re.search(pattern, name) for pattern in UNDECAYED_NAMES),
            orthogonalise=self.orthogonalise and structure.nominal_direction,
        )

    def _has_heads(self) -> bool:
        heads = {"step_head/kernel", "network/output"}
        return bool(heads & self.varied) or any(output_heads(self.params.values))


@dataclasses.dataclass(frozen=True)
class InnerLSTM(InnerOptimizer):
    """`CoordinatewiseLSTM` or `RNNprop`, as its structure says."""

    def initial_state(self, name: str, weight: tf.Tensor) -> LSTMState:
        """As in `InnerOptimizer`."""
        structure = self.params.structure
        zeros = tf.zeros_like(weight)
        cells = tf.zeros([weight.shape.num_elements(), *structure.state_shape])
        return LSTMState(weight, cells, (zeros, zeros) if structure.inputs == "moments" else ())

    def update(self, meta_params, gradients, states, inputs) -> dict[str, LSTMState]:
        """As in `InnerOptimizer`; all variables are one vector, as no coordinate sees another."""
        flat = [
            LSTMState(
                weight=tf.reshape(state.weight, [-1]),
                cells=state.cells,
                moments=tuple(tf.reshape(each, [-1]) for each in state.moments),
            )
            for state in states.values()
        ]
        moved = lstm_update.update(
            meta_params,
            tf.concat([tf.reshape(gradients[name], [-1]) for name in states], axis=0),
            tf.nest.map_structure(lambda *each: tf.concat(each, axis=0), *flat),
            inputs,
            structure=self.params.structure,
            weight_decay=0.0,
        )
        sizes = [state.cells.shape[0] for state in states.values()]
        parts = [tf.split(part, sizes) for part in tf.nest.flatten(moved)]
        return {
            name: tf.nest.map_structure(
                lambda old, new: tf.reshape(new, old.shape),
                states[name],
                tf.nest.pack_sequence_as(states[name], of_name),
            )
            for name, *of_name in zip(states, *parts, strict=True)
        }
