"""A Keras optimizer from a recipe."""

from __future__ import annotations

import tf_keras as keras

from mnemosyne_tf import Mnemosyne
from pipeline.config import OptimizerConfig
from pipeline.schedules import LinearWarmupDecay

OPTIMIZERS = ("mnemosyne", "adamw")
# Name parts of the variables that weight decay leaves alone, as in BERT.
NO_WEIGHT_DECAY = ("bias", "layer_norm")


def make_optimizer(config: OptimizerConfig, num_train_steps: int) -> keras.optimizers.Optimizer:
    """Returns the optimizer that `config` names, compiled by XLA.

    Mnemosyne is told `num_train_steps` and has nothing else to set. AdamW gets linear
    warm-up and decay, decoupled weight decay without biases and layer norms, and clipping
    by global norm.

    Raises:
      ValueError: an unknown name.

    Source: Devlin et al. 2019, appendix A.2.
    Differs: AdamW corrects its moments' bias, which Google's trainer left out.
    """
    if config.name == "mnemosyne":
        return Mnemosyne(learning_rate=config.learning_rate, total_steps=num_train_steps)
    if config.name == "adamw":
        optimizer = keras.optimizers.AdamW(
            learning_rate=LinearWarmupDecay(
                peak=config.learning_rate,
                num_train_steps=num_train_steps,
                num_warmup_steps=round(config.warmup_fraction * num_train_steps),
            ),
            weight_decay=config.weight_decay,
            beta_2=config.beta_2,
            epsilon=1e-6,
            global_clipnorm=config.clip_norm,
            jit_compile=True,
        )
        optimizer.exclude_from_weight_decay(var_names=list(NO_WEIGHT_DECAY))
        return optimizer
    raise ValueError(
        f"Unknown optimizer.name '{config.name}'. Choose one of: {', '.join(OPTIMIZERS)}."
    )
