"""Who races: the rates that each optimizer is tried at, and how it is made.

What races untuned stands here with the one rate 1. `nominal` is the rule under Mnemosyne's learned
part with its own rates swept, the bar that the learned part has to clear. A candidate is an
optimizer with the meta-parameters of a file: "mnemosyne:FILE", "lstm:FILE" or "rnnprop:FILE".
"""

from __future__ import annotations

from typing import Any

from pipeline.recipes.sections import ABLATIONS

MNEMOSYNE, SIX_LINES, NOMINAL = "mnemosyne", "mnemosyne()", "nominal"
LSTM, RNNPROP = "lstm", "rnnprop"
PUBLISHED = "schedule_free_adamw()"
SHORT_MEMORY, LATE_DECAY = "adamw(beta_2=0.95)", "adamw(decay_start=0.3)"
# Geometric, from below to above what was published for each.
RATES = {
    "adamw": (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),
    SHORT_MEMORY: (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),  # with Mnemosyne's second-moment decay
    LATE_DECAY: (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),  # with Mnemosyne's plateau
    "nadamw": (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),
    "lamb": (2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2),
    "lion": (6e-5, 1.2e-4, 2.5e-4, 5e-4, 1e-3, 2e-3),
    "muon": (5e-3, 1e-2, 2e-2, 4e-2, 8e-2, 1.6e-1),
    "schedule_free_adamw": (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2),
    PUBLISHED: (2.5e-3,),
    "adafactor": (4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2, 1.3e-1),
    "sgd": (2e-2, 4e-2, 8e-2, 1.6e-1, 3.2e-1, 6.4e-1),
    NOMINAL: (0.125, 0.25, 0.5, 1.0, 2.0, 4.0),
    MNEMOSYNE: (1.0,),  # told steps and labels, as the trainer tells them
    SIX_LINES: (1.0,),  # told nothing: the six lines of the README
    **{f"without_{part}": (1.0,) for part in ABLATIONS},  # Mnemosyne less one part
}
MORE_RATES = 3  # beyond an end of the sweep, where the best rate stands at that end


def rates_of(optimizer: str) -> tuple[float, ...]:
    """The rates that it is tried at; a candidate is tried as it was learned."""
    return (1.0,) if ":" in optimizer else RATES[optimizer]


def candidate(meta_params: str, kind: str = MNEMOSYNE) -> str:
    """The name under which the meta-parameters of a file race.

    Args:
        meta_params: the file.
        kind: "mnemosyne", "lstm" or "rnnprop".
    """
    return f"{kind}:{meta_params}"


def load_candidate(meta_params: str) -> str:
    """Reads a file of meta-parameters; returns its `candidate`, whichever optimizer it is of.

    Raises:
        ValueError: it is no such file; with what each optimizer expected.
        FileNotFoundError: there is no such file.
    """
    from mnemosyne_tf.lstm.params import LSTMParams
    from mnemosyne_tf.meta_params import MetaParams

    try:
        MetaParams.load(meta_params)
        return candidate(meta_params)
    except ValueError as of_mnemosyne:
        try:
            inputs = LSTMParams.load(meta_params).structure.inputs
        except ValueError as of_lstm:
            raise ValueError(f"--candidate: {of_mnemosyne} {of_lstm}") from of_lstm
    return candidate(meta_params, LSTM if inputs == "log_sign" else RNNPROP)


def is_swept(optimizer: str) -> bool:
    """Whether it is tried at several rates."""
    return len(rates_of(optimizer)) > 1


def is_ours(optimizer: str) -> bool:
    """Whether it is Mnemosyne or a part of it."""
    ours = (MNEMOSYNE, SIX_LINES, NOMINAL)
    return optimizer in ours or optimizer.startswith(("without_", candidate("")))


def all_that_differ() -> list[str]:
    """Returns every optimizer, less ablations that change nothing.

    With heads of zeros nobody hears of encoder and memory: without them it is the same run.
    """
    from mnemosyne_tf import Mnemosyne
    from mnemosyne_tf.learned.heads import output_heads

    if any(output_heads(Mnemosyne().meta_params.values)):
        return [*RATES]
    unheard = ("without_heads", "without_memory", "without_encoder")
    return [optimizer for optimizer in RATES if optimizer not in unheard]


def next_rate(tried: list[float], best: float) -> float | None:
    """Returns the rate beyond the end of a sweep at which `best` stands, or None inside it."""
    low, *_, high = sorted(tried)
    ratio = (high / low) ** (1 / (len(tried) - 1))
    if best == high:
        return float(f"{high * ratio:.3g}")
    return float(f"{low / ratio:.3g}") if best == low else None


def make_optimizer(
    optimizer: str, learning_rate: float, num_train_steps: int, labels_per_step: int
) -> Any:
    """Returns an optimizer: rivals with warm-up and linear decay, as in the trainer.

    Args:
        optimizer: a key of `RATES`, or a `candidate`.
        learning_rate: its peak; of ours a multiple of the built-in rates.
        num_train_steps: of the run.
        labels_per_step: labels in the loss of each.
    """
    from mnemosyne_tf import Mnemosyne
    from pipeline.optimizers import from_recipe
    from pipeline.optimizers.schedule_free_adamw import ScheduleFreeAdamW
    from pipeline.recipes.sections import OptimizerConfig

    told = {"total_steps": num_train_steps, "labels_per_step": labels_per_step}
    if ":" in optimizer:
        return _make_candidate(*optimizer.split(":", 1), learning_rate, told)
    if optimizer == SIX_LINES:
        return Mnemosyne(learning_rate)
    if optimizer == NOMINAL:
        return Mnemosyne(learning_rate, meta_params="nominal", **told)
    if optimizer == PUBLISHED:
        # Defaults of the code that its authors publish: no decay, no warm-up, no clipping.
        return ScheduleFreeAdamW(learning_rate, weight_decay=None)
    if is_ours(optimizer):
        without = optimizer.partition("without_")[2]
        config = OptimizerConfig(learning_rate=learning_rate, without=without)
    elif optimizer == LATE_DECAY:
        config = OptimizerConfig(name="adamw", learning_rate=learning_rate, decay_start=0.3)
    elif optimizer == SHORT_MEMORY:
        config = OptimizerConfig(name="adamw", learning_rate=learning_rate, beta_2=0.95)
    else:
        config = OptimizerConfig(name=optimizer, learning_rate=learning_rate)
    return from_recipe.make_optimizer(config, num_train_steps, labels_per_step)


def _make_candidate(kind: str, meta_params: str, learning_rate: float, told: dict) -> Any:
    """Fully learned ones have no schedule: their rate stays as it is."""
    from mnemosyne_tf import CoordinatewiseLSTM, MetaParams, Mnemosyne, RNNprop

    if kind != MNEMOSYNE:
        lstm = CoordinatewiseLSTM if kind == LSTM else RNNprop
        return lstm(learning_rate, meta_params=meta_params)
    params = MetaParams.resolve(meta_params)
    if params.structure.nominal_direction:
        return Mnemosyne(learning_rate, meta_params=params, **told)
    return Mnemosyne(learning_rate, weight_decay=0.0, meta_params=params)  # as it was learned
