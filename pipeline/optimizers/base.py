"""What our hand-designed optimizers share: float32 state, one compiled rule, the guard.

An optimizer is its formula: `rule`, a pure function from gradient, weight and state to the new
weight and state. The rest of a Keras optimizer stands here and in `GuardedOptimizer`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, NamedTuple

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf.adam_direction import of_horizon
from mnemosyne_tf.guarded_optimizer import GuardedOptimizer


class RulePlan(NamedTuple):
    """What is static about the update of one variable; equal plans share a compiled rule.

    Attributes:
        shape: of the variable.
        decayed: whether weight decay applies.
        matrix_shape: (fan_in, fan_out) when the direction is orthogonalised, else None.
        role_rate: factor on the rate.
        role_horizon: how many times further back the averages of the gradients reach.
    """

    shape: tuple[int, ...]
    decayed: bool
    matrix_shape: tuple[int, int] | None = None
    role_rate: float = 1.0
    role_horizon: float = 1.0


class HandDesignedOptimizer(GuardedOptimizer):
    """Base of the optimizers of this folder that are not Keras's own.

    A subclass gives `rule`, and keeps its arguments as attributes.

    Attributes:
        settings: names of the arguments that `get_config` adds to those of the base.
        trains_elsewhere: whether the weights to evaluate are others than those that train.

    Args:
        learning_rate: a float or a `LearningRateSchedule`.
        weight_decay: decoupled, per unit of rate; None or 0 for none.
        **kwargs: those of `GuardedOptimizer`.
    """

    settings: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")
    trains_elsewhere: ClassVar[bool] = False

    def __init__(self, learning_rate, *, weight_decay: float | None, **kwargs):
        super().__init__(weight_decay=weight_decay, **kwargs)
        self._learning_rate = self._build_learning_rate(learning_rate)

    def state_shapes(self, plan: RulePlan) -> dict[str, tuple[int, ...]]:
        """The accumulators of a variable, zero at first: name to shape."""
        return dict.fromkeys(("momentum", "second_moment"), plan.shape)

    def plan(self, variable) -> RulePlan:
        """Decides what is static about the update of a variable."""
        decayed = bool(self.weight_decay) and self._use_weight_decay(variable)
        return RulePlan(tuple(variable.shape), decayed)

    def inputs(self) -> dict[str, tf.Tensor]:
        """Float32 `[]` each: `rate`, and `step`, the number (1, 2, ...) of this applied step."""
        return {
            "rate": tf.cast(self.learning_rate, tf.float32),
            "step": tf.cast(self.applied_steps, tf.float32) + 1.0,
        }

    def rule(
        self,
        gradient: tf.Tensor,
        weight: tf.Tensor,
        state: Mapping[str, tf.Tensor],
        inputs: Mapping[str, tf.Tensor],
        plan: RulePlan,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """One step of the formula, pure; all tensors float32, the first three of one shape.

        Returns:
            The new weight and the new state.
        """
        raise NotImplementedError

    def adam_moments(
        self,
        gradient: tf.Tensor,
        state: Mapping[str, tf.Tensor],
        step: tf.Tensor,
        beta_1: float | None = None,
        horizon: float = 1.0,
    ) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        """Adam's accumulators after a gradient, and what it divides by.

            m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2

        Args:
            gradient, state, step: as `rule` has them.
            beta_1: b1; None takes the attribute.
            horizon: how many times further back both averages reach.

        Returns:
            The state, m not corrected for its bias, and sqrt(v / (1 - b2^t)) + epsilon.
        """
        decays = self.beta_1 if beta_1 is None else beta_1, self.beta_2
        b1, b2 = (of_horizon(decay, horizon) for decay in decays)
        momentum = b1 * state["momentum"] + (1.0 - b1) * gradient
        second_moment = b2 * state["second_moment"] + (1.0 - b2) * tf.square(gradient)
        root = tf.sqrt(second_moment / (1.0 - tf.pow(b2, step)))
        return {"momentum": momentum, "second_moment": second_moment}, root + self.epsilon

    def adam_direction(
        self,
        gradient: tf.Tensor,
        state: Mapping[str, tf.Tensor],
        step: tf.Tensor,
        horizon: float = 1.0,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Adam's direction, and its accumulators after a gradient."""
        state, divisor = self.adam_moments(gradient, state, step, horizon=horizon)
        correction = 1.0 - tf.pow(of_horizon(self.beta_1, horizon), step)
        return state["momentum"] / correction / divisor, state

    def evaluation_weights(self, variables: Sequence[tf.Variable]) -> AbstractContextManager:
        """Inside the context the variables hold the weights to evaluate, to save and to restore.

        Identity: most optimizers are evaluated at the weights that they train. An optimizer that
        is evaluated at other weights puts them in, and the training weights back at the end.

        Args:
            variables: the trainable variables of the model; the optimizer is built with them.
        """
        return contextlib.nullcontext()

    def decay(self, weight: tf.Tensor, plan: RulePlan) -> tf.Tensor | float:
        """The term that decoupled weight decay adds to the direction."""
        return self.weight_decay * weight if plan.decayed else 0.0

    def build(self, var_list):
        """Creates the state of `var_list`; a second call does nothing."""
        if getattr(self, "_built", False):
            return
        super().build(var_list)
        plans, states, rules = [], [], {}
        for variable in var_list:
            plan = self.plan(variable)
            plans.append(plan)
            states.append(
                {
                    name: self.add_float32_state(variable, name, shape)
                    for name, shape in self.state_shapes(plan).items()
                }
            )
            if plan not in rules:
                rules[plan] = self._compile(functools.partial(self._guarded_rule, plan=plan))
        self._states = states
        self._plans = self._no_dependency(plans)
        self._rules = self._no_dependency(rules)
        self._built = True

    def _guarded_rule(self, gradient, weight, state, inputs, finite, *, plan):
        new = self.rule(
            tf.cast(gradient, tf.float32), tf.cast(weight, tf.float32), state, inputs, plan
        )
        return tf.nest.map_structure(
            lambda after, before: tf.where(finite, tf.cast(after, before.dtype), before),
            new,
            (weight, dict(state)),
        )

    def update_step(self, gradient, variable, finite=None):
        """Updates one variable and its state unless `finite` is False."""
        index = self._index_dict[self._var_key(variable)]
        finite = self._all_finite([gradient]) if finite is None else finite
        targets = (variable, dict(self._states[index]))
        weight, state = tf.nest.map_structure(tf.convert_to_tensor, targets)
        new = self._rules[self._plans[index]](gradient, weight, state, self.inputs(), finite)
        tf.nest.map_structure(lambda target, value: target.assign(value), targets, new)

    def get_config(self):
        """JSON-serialisable arguments."""
        rate = self._serialize_hyperparameter(self._learning_rate)
        settings = {name: getattr(self, name) for name in self.settings}
        return super().get_config() | {"learning_rate": rate} | settings


def trains_elsewhere(optimizer: keras.optimizers.Optimizer) -> bool:
    """Says whether the weights to evaluate are others than those that train."""
    return isinstance(optimizer, HandDesignedOptimizer) and optimizer.trains_elsewhere


@contextlib.contextmanager
def evaluation_weights(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[tf.Variable]
) -> Iterator[None]:
    """Inside the context the variables hold the weights to evaluate, after it those of before.

    Of these not a bit is lost: arithmetic there and back would round, and a run would depend on how
    often it was evaluated and saved.
    """
    if not trains_elsewhere(optimizer):
        yield
        return
    before = [tf.identity(variable) for variable in variables]
    try:
        with optimizer.evaluation_weights(variables):
            yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
