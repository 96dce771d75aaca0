"""Keras's own AdamW, Lion, Adafactor and SGD: decay by role, no step that is not finite.

Their rules are unchanged; see `pipeline.optimizers.weight_decay` and `skipped_steps`.
"""

import tf_keras as keras

from pipeline.optimizers.role_rates import RatesByRole
from pipeline.optimizers.skipped_steps import SkipBadSteps
from pipeline.optimizers.weight_decay import DecayByRole

_register = keras.utils.register_keras_serializable(package="mnemosyne_pipeline")


@_register
class AdamW(RatesByRole, SkipBadSteps, DecayByRole, keras.optimizers.AdamW):
    """Adam with decoupled weight decay, and with rates by role where they are given.

    Source: Loshchilov and Hutter 2019 (arXiv 1711.05101).
    """


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
