"""Optimizers as pure functions of tensors, for runs that are compiled whole and differentiated.

An inner optimizer makes the state of a variable and moves it by a gradient; around it stands what
its Keras class does with variables. Every state is a named tuple that holds the `weight`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from mnemosyne_tf.lstm import update_rule as lstm_update
from mnemosyne_tf.lstm.update_rule import LSTMState
from mnemosyne_tf.model_update import ModelUpdate
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

    def init(self, weights: Mapping[str, tf.Tensor]) -> dict[str, Any]:
        """The states of all variables before their first step, by name."""
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
            gradients: by name of the variable, which decides about its role.
            states: before the step.
            inputs: scalars of the step.
        """
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class InnerMnemosyne(InnerOptimizer):
    """`Mnemosyne`, of any structure.

    Attributes:
        total_steps: steps of the run, None where it is not given; a float32 tensor `[]` where runs
            of one program differ in it.
        labels_per_step: of the run, None where it is not given.
        orthogonalise: False sends every variable to the elementwise path.
        weight_decay: per unit of scheduled rate.
    """

    total_steps: int | tf.Tensor | None = None
    labels_per_step: int | None = None
    orthogonalise: bool = True
    weight_decay: float = WEIGHT_DECAY

    def init(self, weights: Mapping[str, tf.Tensor]) -> dict[str, VariableState]:
        """As in `InnerOptimizer`; without heads there is no memory."""
        shapes = {name: weight.shape for name, weight in weights.items()}
        states = self._model(shapes).init(list(weights.values()))
        return {
            name: state._replace(weight=weight)
            for (name, weight), state in zip(weights.items(), states, strict=True)
        }

    def update(self, meta_params, gradients, states, inputs) -> dict[str, VariableState]:
        """As in `InnerOptimizer`."""
        model = self._model({name: state.weight.shape for name, state in states.items()})
        weights, moved = model.update(
            [gradients[name] for name in states],
            list(states.values()),
            [state.weight for state in states.values()],
            inputs,
            meta_params,
        )
        return {
            name: state._replace(weight=weight)
            for name, weight, state in zip(states, weights, moved, strict=True)
        }

    def _model(self, shapes: Mapping[str, tf.TensorShape]) -> ModelUpdate:
        return ModelUpdate(
            list(shapes),
            list(shapes.values()),
            self.params,
            RuleSettings(
                total_steps=self.total_steps,
                labels_per_step=self.labels_per_step,
                weight_decay=self.weight_decay,
            ),
            orthogonalise=self.orthogonalise,
            varied=self.varied,
        )


@dataclasses.dataclass(frozen=True)
class InnerLSTM(InnerOptimizer):
    """`CoordinatewiseLSTM` or `RNNprop`, as its structure says."""

    def init(self, weights: Mapping[str, tf.Tensor]) -> dict[str, LSTMState]:
        """As in `InnerOptimizer`."""
        return {name: self._initial_state(weight) for name, weight in weights.items()}

    def _initial_state(self, weight: tf.Tensor) -> LSTMState:
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
