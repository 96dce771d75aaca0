"""Optimizers as pure functions of tensors, for runs that are compiled whole and differentiated.

An inner optimizer makes the state of a variable and moves it by a gradient; around it stands what
its Keras class does with variables. Every state is a named tuple that holds the `weight`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from mnemosyne_tf import lstm_update, update_rule
from mnemosyne_tf.guarded_optimizer import UNDECAYED_NAMES
from mnemosyne_tf.lstm_update import LSTMState
from mnemosyne_tf.output_heads import output_heads
from mnemosyne_tf.parameter_routing import VariablePlan, plan_variable
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.update_rule import StepInputs, VariableState

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
        name: str,
        gradient: tf.Tensor,
        state: Any,
        inputs: StepInputs,
    ) -> Any:
        """One step of a variable; the state comes back unchanged when `inputs.finite` is False.

        Args:
            meta_params: of `meta_params`.
            name: of the variable; it decides about routing and weight decay.
            gradient: shape of the variable.
            state: before the step.
            inputs: scalars of the step.
        """
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class InnerMnemosyne(InnerOptimizer):
    """`Mnemosyne`, of any structure.

    Attributes:
        total_steps: steps of the run, None where it is not told.
        orthogonalise: False sends every variable to the elementwise path.
        weight_decay: per unit of scheduled rate.
    """

    total_steps: int | None = None
    orthogonalise: bool = True
    weight_decay: float = WEIGHT_DECAY

    def initial_state(self, name: str, weight: tf.Tensor) -> VariableState:
        """As in `InnerOptimizer`; without heads there is no memory."""
        zeros, memory = tf.zeros_like(weight), ()
        if self.params.structure.use_memory and self._has_heads():
            plan = self._plan(name, weight.shape)
            memory = tf.zeros([plan.num_chunks, *self.params.structure.memory_shape])
        return VariableState(weight, zeros, zeros, memory)

    def update(self, meta_params, name, gradient, state, inputs) -> VariableState:
        """As in `InnerOptimizer`."""
        return update_rule.update(
            meta_params,
            gradient,
            state,
            inputs,
            plan=self._plan(name, state.weight.shape),
            structure=self.params.structure,
            settings=RuleSettings(total_steps=self.total_steps, weight_decay=self.weight_decay),
        )

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

    def update(self, meta_params, name, gradient, state, inputs) -> LSTMState:
        """As in `InnerOptimizer`."""
        return lstm_update.update(
            meta_params,
            gradient,
            state,
            inputs,
            structure=self.params.structure,
            weight_decay=0.0,
        )
