"""A Keras optimizer from a recipe."""

from __future__ import annotations

import tf_keras as keras

from mnemosyne_tf import Mnemosyne
from pipeline.optimizers.schedules import LinearWarmup, LinearWarmupDecay
from pipeline.optimizers.table import MNEMOSYNE, OPTIMIZER_TABLE
from pipeline.recipes.sections import OptimizerConfig

# Parts of Mnemosyne that a setting leaves out; the others are left out of its meta-parameters.
LEFT_OUT_BY_SETTINGS = {
    "orthogonalisation": {"orthogonalise": False},
    "size_scaling": {"size_scaling": False},
    "nesterov": {"nesterov": False},
}


def make_optimizer(
    config: OptimizerConfig, num_train_steps: int, labels_per_step: int
) -> keras.optimizers.Optimizer:
    """Returns the optimizer that `config` names, compiled by XLA where it is ours.

    Mnemosyne is told steps and labels of the run and has nothing else to set. The hand-designed
    ones get linear warm-up and decay, Schedule-Free AdamW warm-up alone, decoupled weight decay
    without biases and layer norms, and clipping by global norm.

    Source: Devlin et al. 2019, appendix A.2.
    Differs: AdamW corrects its moments' bias, which Google's trainer left out. Adafactor's rate
    follows the same schedule under its own bound of 1 / sqrt(step).
    """
    if config.name == MNEMOSYNE.name:
        told = {"total_steps": num_train_steps, "labels_per_step": labels_per_step}
        return _mnemosyne(config, told)
    row = OPTIMIZER_TABLE[config.name]
    settings = dict(row.settings)
    if config.beta_2 is not None:
        settings["beta_2"] = config.beta_2
    return row.load()(
        learning_rate=_schedule(config, num_train_steps),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm,
        jit_compile=True,
        **settings,
    )


def meta_parameters(optimizer: keras.optimizers.Optimizer) -> str | None:
    """The first 12 digits of the SHA-256 of Mnemosyne's meta-parameters; None for a rival."""
    params = getattr(optimizer, "meta_params", None)
    return params and params.fingerprint()[:12]


def _mnemosyne(config: OptimizerConfig, told: dict[str, int]) -> Mnemosyne:
    settings = {"learning_rate": config.learning_rate, **told}
    if config.without in LEFT_OUT_BY_SETTINGS:
        return Mnemosyne(**settings, **LEFT_OUT_BY_SETTINGS[config.without])
    optimizer = Mnemosyne(**settings)
    if not config.without:
        return optimizer
    return Mnemosyne(**settings, meta_params=optimizer.meta_params.without(config.without))


def _schedule(config: OptimizerConfig, num_train_steps: int):
    num_warmup_steps = round(config.warmup_fraction * num_train_steps)
    if not OPTIMIZER_TABLE[config.name].rate_falls:
        return LinearWarmup(peak=config.learning_rate, num_warmup_steps=num_warmup_steps)
    return LinearWarmupDecay(
        peak=config.learning_rate,
        num_train_steps=num_train_steps,
        num_warmup_steps=num_warmup_steps,
        num_steps_before_decay=round(config.decay_start * num_train_steps),
    )
