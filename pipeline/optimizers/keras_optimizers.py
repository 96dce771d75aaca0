"""Keras's own AdamW, Lion, Adafactor and SGD: decay by role, no step that is not finite.

Their rules are unchanged; see `pipeline.optimizers.weight_decay` and `skipped_steps`.
"""

from collections.abc import Mapping

import tf_keras as keras

from pipeline.optimizers.role_rates import RatesByRole
from pipeline.optimizers.skipped_steps import SkipBadSteps
from pipeline.optimizers.weight_decay import DecayByRole

_register = keras.utils.register_keras_serializable(package="mnemosyne_pipeline")


@_register
class AdamW(RatesByRole, SkipBadSteps, DecayByRole, keras.optimizers.AdamW):
    """Adam with decoupled weight decay, and with rates by role where they are given.

    Args:
        learning_rate, weight_decay, beta_1, beta_2, epsilon: as in Keras.
        role_rates: factors on the rates of some roles, as `Mnemosyne` has them.
        **kwargs: the others of Keras.

    Source: Loshchilov and Hutter 2019 (arXiv 1711.05101).
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
        **kwargs,
    ):
        moments = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": epsilon}
        super().__init__(learning_rate, weight_decay, **moments, role_rates=role_rates, **kwargs)


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
