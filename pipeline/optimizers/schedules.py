"""Learning-rate schedules of the hand-designed optimizers."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class LinearWarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak` over the warm-up, stays, and falls, linearly by default, to 0.

    Steps are counted from 1, so the first step has a rate above 0.

    Args:
      peak: the highest rate.
      num_train_steps: the step after which the rate is 0.
      num_warmup_steps: the steps of the warm-up; 0 begins at the peak.
      num_steps_before_decay: the step after which the rate falls; the end of the warm-up where
        that is later.
      decay_power: power of the fraction of the decay that is left; None for 1. Below 1 the rate
        stays high for longer.

    Source: Devlin et al. 2019, appendix A.2; with a plateau Zhai et al. 2022.
    """

    def __init__(
        self,
        *,
        peak: float,
        num_train_steps: int,
        num_warmup_steps: int,
        num_steps_before_decay: int = 0,
        decay_power: float | None = None,
    ):
        self.peak = peak
        self.num_train_steps = num_train_steps
        self.num_warmup_steps = num_warmup_steps
        self.num_steps_before_decay = num_steps_before_decay
        self.decay_power = decay_power

    def __call__(self, step):  # noqa: D102
        step = tf.cast(step, tf.float32)
        rising = (step + 1.0) / max(self.num_warmup_steps, 1)
        constant = max(self.num_warmup_steps, self.num_steps_before_decay)
        left = (self.num_train_steps - step) / max(self.num_train_steps - constant, 1)
        left = tf.clip_by_value(left, 0.0, 1.0)
        falling = left if self.decay_power is None else left**self.decay_power
        return self.peak * tf.minimum(rising, falling)

    def get_config(self):  # noqa: D102
        return {
            "peak": self.peak,
            "num_train_steps": self.num_train_steps,
            "num_warmup_steps": self.num_warmup_steps,
            "num_steps_before_decay": self.num_steps_before_decay,
            "decay_power": self.decay_power,
        }


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class LinearWarmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to `peak` over the warm-up, then stays.

    Args:
      peak: the highest rate.
      num_warmup_steps: the steps of the warm-up; 0 begins at the peak.

    Source: Defazio et al. 2024 (arXiv 2405.15682), algorithm 1.
    """

    def __init__(self, *, peak: float, num_warmup_steps: int):
        self.peak = peak
        self.num_warmup_steps = num_warmup_steps

    def __call__(self, step):  # noqa: D102
        rising = (tf.cast(step, tf.float32) + 1.0) / max(self.num_warmup_steps, 1)
        return self.peak * tf.minimum(rising, 1.0)

    def get_config(self):  # noqa: D102
        return {"peak": self.peak, "num_warmup_steps": self.num_warmup_steps}


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Stays at `peak` and falls linearly to 0 over the last steps: the decay phase alone.

    Args:
      peak: the rate before.
      first_step: the step after which the rate falls, that of the checkpoint it goes on from.
      num_steps: the steps of the decay.

    Source: Hu et al. 2024 (arXiv 2404.06395), section 4, "warmup-stable-decay".
    Differs: the decay is linear, as Haegele et al. 2024 (arXiv 2405.18392) compare it.
    """

    def __init__(self, *, peak: float, first_step: int, num_steps: int):
        self.peak = peak
        self.first_step = first_step
        self.num_steps = num_steps

    def __call__(self, step):  # noqa: D102
        # The last step as one number: subtracted twice, large steps would be rounded twice.
        left = (self.first_step + self.num_steps - tf.cast(step, tf.float32)) / self.num_steps
        return self.peak * tf.clip_by_value(left, 0.0, 1.0)

    def get_config(self):  # noqa: D102
        return {"peak": self.peak, "first_step": self.first_step, "num_steps": self.num_steps}
