"""The `optimizer` section of a recipe to a Keras optimizer."""

from __future__ import annotations

import tf_keras as keras

from mnemosyne_tf import FINE_TUNING, Mnemosyne
from pipeline.optimizers.schedules import LinearDecay, LinearWarmup, LinearWarmupDecay
from pipeline.optimizers.table import MNEMOSYNE, OPTIMIZER_TABLE
from pipeline.recipes.sections import DECAY, STABLE, WHOLE, OptimizerConfig

# Parts of Mnemosyne that an argument switches off. The other parts are removed from its
# meta-parameters.
LEFT_OUT_BY_SETTINGS = {
    "orthogonalisation": {"orthogonalise": False},
    "size_scaling": {"size_scaling": False},
    "nesterov": {"nesterov": False},
}


def make_optimizer(
    config: OptimizerConfig,
    num_train_steps: int,
    labels_per_step: int,
    first_step: int = 0,
    *,
    fine_tuning: bool = False,
    **arguments,
) -> keras.optimizers.Optimizer:
    """Makes the optimizer that `config` names; updates are compiled by XLA.

    Mnemosyne is given the steps and labels of the run and has nothing else to set. The
    hand-designed optimizers get linear warm-up and decay (Schedule-Free AdamW warm-up alone),
    decoupled weight decay by role (`pipeline.optimizers.weight_decay`) and clipping by global norm.

    A constant phase of Mnemosyne is a run of unknown length to it, its decay phase the same with
    `learning_rate` falling from 1 to 0.

    Args:
      config: the section of the recipe.
      num_train_steps: of the run.
      labels_per_step: labels in the loss of one step, over all replicas.
      first_step: steps that the optimizer has made where a decay phase begins.
      fine_tuning: whether all weights but a head are of an earlier training, which Mnemosyne moves
        as `FINE_TUNING` says; a hand-designed optimizer has its rate in `config`.
      **arguments: more of a hand-designed optimizer's class.

    Source: Devlin et al. 2019, appendix A.2.
    Differs: AdamW corrects the bias of its moments, which google-research/bert does not.
    Adafactor's rate follows the same schedule under its own bound of 1 / sqrt(step).
    """
    if config.name == MNEMOSYNE.name:
        return _mnemosyne(config, num_train_steps, labels_per_step, first_step, fine_tuning)
    row = OPTIMIZER_TABLE[config.name]
    settings = dict(row.settings)
    if config.beta_2 is not None:
        settings["beta_2"] = config.beta_2
    return row.load()(
        learning_rate=_schedule(config, num_train_steps, first_step),
        weight_decay=config.weight_decay,
        global_clipnorm=config.clip_norm,
        jit_compile=True,
        **settings,
        **arguments,
    )


def meta_parameters(optimizer: keras.optimizers.Optimizer) -> str | None:
    """The first 12 digits of the SHA-256 of an optimizer's meta-parameters; None without any."""
    params = getattr(optimizer, "meta_params", None)
    return params and params.fingerprint()[:12]


def _mnemosyne(
    config: OptimizerConfig,
    num_train_steps: int,
    labels_per_step: int,
    first_step: int,
    fine_tuning: bool,
) -> Mnemosyne:
    rate = config.learning_rate
    if config.schedule == STABLE:
        # A schedule, too, so that a decay phase finds the state that its own needs.
        rate = LinearWarmup(peak=rate, num_warmup_steps=0)
    elif config.schedule == DECAY:
        rate = LinearDecay(peak=rate, first_step=first_step, num_steps=num_train_steps)
    settings = {
        "learning_rate": rate,
        "total_steps": num_train_steps if config.schedule == WHOLE else None,
        "labels_per_step": labels_per_step,
        **(FINE_TUNING if fine_tuning else {}),
        **LEFT_OUT_BY_SETTINGS.get(config.without, {}),
    }
    optimizer = Mnemosyne(**settings)
    if not config.without or config.without in LEFT_OUT_BY_SETTINGS:
        return optimizer
    # They have the numbers of fine-tuning, of which the part is left out, too.
    params = optimizer.meta_params.without(config.without)
    in_params = {"meta_params": params, "rule": None, "role_rates": None, "role_horizons": None}
    return Mnemosyne(**settings | in_params)


def _schedule(
    config: OptimizerConfig, num_train_steps: int, first_step: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    peak, num_warmup_steps = config.learning_rate, config.num_warmup_steps
    if num_warmup_steps is None:
        num_warmup_steps = round(config.warmup_fraction * num_train_steps)
    if config.schedule == DECAY:
        return LinearDecay(peak=peak, first_step=first_step, num_steps=num_train_steps)
    if config.schedule == STABLE or not OPTIMIZER_TABLE[config.name].rate_falls:
        return LinearWarmup(peak=peak, num_warmup_steps=num_warmup_steps)
    return LinearWarmupDecay(
        peak=peak,
        num_train_steps=num_train_steps,
        num_warmup_steps=num_warmup_steps,
        num_steps_before_decay=round(config.decay_start * num_train_steps),
        decay_power=config.decay_power,
    )
