"""A Keras optimizer that skips a step, on all replicas at once, when a gradient is not finite.

Ours have their guard from `mnemosyne_tf.guarded_optimizer`, inside the compiled update. Those of
Keras assign their state in place, so here the whole update is one branch.
"""

from __future__ import annotations

import tensorflow as tf

from mnemosyne_tf.guarded_optimizer import all_finite


class SkipBadSteps:
    """Mixin of a Keras optimizer: a step with a gradient that is not finite only counts.

    `iterations` counts every call of `apply_gradients`, so that schedules, logs and checkpoint
    numbers follow the training loop. `applied_steps` counts the steps that moved the weights,
    `skipped_steps` the others. Weight decay is part of a step, and skipped with it.

    Differs: Keras's own lets a NaN into weights and state, for good.
    """

    def _create_iteration_variable(self):
        super()._create_iteration_variable()
        with tf.init_scope():
            self._applied_steps, self._skipped_steps = (
                tf.Variable(0, name=name, dtype=tf.int64, trainable=False)
                for name in ("applied_steps", "skipped_steps")
            )

    def build(self, var_list):
        """Creates the state of `var_list`; the counts come last, as in checkpoints without them."""
        super().build(var_list)
        if not any(variable is self._skipped_steps for variable in self._variables):
            self._variables += [self._applied_steps, self._skipped_steps]

    @property
    def applied_steps(self) -> tf.Variable:
        """int64 `[]`: steps that moved the weights."""
        return self._applied_steps

    @property
    def skipped_steps(self) -> tf.Variable:
        """int64 `[]`: steps left out because a gradient was not finite."""
        return self._skipped_steps

    def _apply_weight_decay(self, variables):
        """Does nothing: the decay is part of the step, see `_decay`."""

    @tf.autograph.experimental.do_not_convert
    def _internal_apply_gradients(self, grads_and_vars):
        # Gradients are summed over replicas by now: every replica reaches the same verdict.
        gradients = [_values(gradient) for gradient, _ in grads_and_vars]
        if self.global_clipnorm:
            # Where one is not finite, neither is their norm, and clipping has made all of them NaN.
            gradients = [min(gradients, key=lambda gradient: gradient.shape.num_elements() or 0)]
        finite = all_finite(gradients)
        return tf.__internal__.distribute.interim.maybe_merge_call(
            self._apply_if_finite, self._distribution_strategy, grads_and_vars, finite
        )

    @tf.autograph.experimental.do_not_convert
    def _apply_if_finite(self, distribution, grads_and_vars, finite):
        def apply():
            if self.weight_decay:
                for _, variable in grads_and_vars:
                    distribution.extended.update(variable, self._decay, group=False)
            self._distributed_apply_gradients_fn(distribution, grads_and_vars)
            self._applied_steps.assign_add(1)

        def skip():
            self.iterations.assign_add(1)
            self._skipped_steps.assign_add(1)

        (finite, *_) = distribution.experimental_local_results(finite)
        tf.cond(finite, apply, skip)
        return self.iterations

    def _decay(self, variable):
        # As `keras.optimizers.Optimizer._apply_weight_decay`.
        if self._use_weight_decay(variable):
            rate = tf.cast(self.learning_rate, variable.dtype)
            variable.assign_sub(variable * tf.cast(self.weight_decay, variable.dtype) * rate)


def _values(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    return gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
