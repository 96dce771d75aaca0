"""Keras's own AdamW, Lion, Adafactor and SGD: decay by role, no step that is not finite.

Their rules are unchanged; see `pipeline.optimizers.weight_decay` and `skipped_steps`.
"""

from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf.guarded_optimizer import local_copy
from pipeline.optimizers.by_role import ByRole
from pipeline.optimizers.skipped_steps import SkipBadSteps
from pipeline.optimizers.weight_decay import DecayByRole

_register = keras.utils.register_keras_serializable(package="mnemosyne_pipeline")


@_register
class AdamW(ByRole, SkipBadSteps, DecayByRole, keras.optimizers.AdamW):
    """Adam with decoupled weight decay, and with rates and horizons by role where they are given.

    Args:
        learning_rate, weight_decay, beta_1, beta_2, epsilon: as in Keras.
        role_rates, role_horizons: of some roles, as `Mnemosyne` has them.
        **kwargs: the others of Keras.

    Source: Loshchilov and Hutter 2019 (arXiv 1711.05101).
    Differs: compiled on a CPU too, where an update takes half the time. Where Keras compiles one
    program for each variable (`jit_compile`), variables of one shape share one, which decays too:
    the first step of a BERT takes a third of the time.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        weight_decay: float | None = 4e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *,
        role_rates: Mapping[str, float] | None = None,
        role_horizons: Mapping[str, float] | None = None,
        **kwargs,
    ):
        moments = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
        by_role = {"role_rates": role_rates, "role_horizons": role_horizons}
        super().__init__(learning_rate, weight_decay, **moments, **by_role, **kwargs)
        # Keras compiles where there is a GPU and nowhere else.
        self.jit_compile = kwargs.get("jit_compile", True)

    def _update_step_xla(self, gradient, variable, key):
        if self.amsgrad:
            super()._update_step_xla(gradient, variable, key)
            return
        index = self._index_dict[self._var_key(variable)]
        step = tf.cast(self.iterations + 1, tf.float32)
        rate = tf.cast(self.learning_rate, tf.float32) * self.rate_of(variable)
        decayed = bool(self.weight_decay) and self._use_weight_decay(variable)
        beta_1, beta_2 = self.betas_of(variable)
        corrected = tf.sqrt(1.0 - tf.pow(beta_2, step)) / (1.0 - tf.pow(beta_1, step))
        _adam(
            *map(local_copy, (variable, self._momentums[index], self._velocities[index])),
            tf.convert_to_tensor(gradient),
            rate * corrected,
            1.0 - rate * self.weight_decay if decayed else tf.ones([]),
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=self.epsilon,
        )

    def _decay(self, variable):
        if self.amsgrad or not self.jit_compile:
            super()._decay(variable)


@_register
class Lion(SkipBadSteps, DecayByRole, keras.optimizers.Lion):
    """The sign of an interpolated momentum.

    Source: Chen et al. 2023 (arXiv 2302.06675).
    """


@_register
class Adafactor(SkipBadSteps, DecayByRole, keras.optimizers.Adafactor):
    """Second moments of matrices kept as row and column sums.

    Source: Shazeer and Stern 2018 (arXiv 1804.04235).
    """


@_register
class SGD(SkipBadSteps, DecayByRole, keras.optimizers.SGD):
    """Gradient descent, with momentum where it is set."""


@tf.function(jit_compile=True, autograph=False)
def _adam(weight, momentum, velocity, gradient, rate, kept, *, beta_1, beta_2, epsilon):
    """One step of Adam in place, its sums as Keras rounds them; `kept` is left by the decay."""
    momentum.assign_add((gradient - momentum) * (1.0 - beta_1))
    velocity.assign_add((tf.square(gradient) - velocity) * (1.0 - beta_2))
    rate, kept = tf.cast(rate, weight.dtype), tf.cast(kept, weight.dtype)
    weight.assign(weight * kept - momentum * rate / (tf.sqrt(velocity) + epsilon))
