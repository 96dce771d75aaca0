"""The norm of the gradients of a step, kept by the optimizer when somebody asks for it."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf


class KeepsGradientNorm:
    """Mixin of a Keras optimizer: can tell the global norm of the gradients of a step.

    The optimizer is the one place that has the gradients summed over all replicas. They cost a
    pass over all of them, so the norm is computed in the steps that are watched alone. It is no
    part of the state: checkpoints are the same with it and without it.
    """

    _gradient_norm = _norm_is_wanted = None

    def keep_gradient_norm(self) -> None:
        """Makes it possible to watch steps; call it before the first step is traced."""
        if self._gradient_norm is not None:
            return
        with tf.init_scope(), self._distribution_strategy.scope():
            norm, wanted = (
                tf.Variable(
                    value,
                    trainable=False,
                    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
                    name=name,
                )
                for value, name in (
                    (float("nan"), "gradient_norm"),
                    (False, "gradient_norm_is_wanted"),
                )
            )
        self._gradient_norm = self._no_dependency(norm)
        self._norm_is_wanted = self._no_dependency(wanted)

    @property
    def gradient_norm(self) -> float:
        """Global L2 norm of the last watched step, before clipping; NaN before the first.

        `keep_gradient_norm` was called before.
        """
        return float(self._gradient_norm.numpy())

    @contextlib.contextmanager
    def watch_gradient_norm(self) -> Iterator[None]:
        """Steps inside the context keep their norm; `keep_gradient_norm` was called before."""
        self._norm_is_wanted.assign(True)
        try:
            yield
        finally:
            self._norm_is_wanted.assign(False)

    def _clip_gradients(self, grads):
        if self._gradient_norm is not None:
            norm = tf.cond(
                self._norm_is_wanted,
                lambda: tf.linalg.global_norm([tf.cast(each, tf.float32) for each in grads]),
                lambda: tf.identity(self._gradient_norm),
            )
            self._gradient_norm.assign(norm)
        return super()._clip_gradients(grads)
