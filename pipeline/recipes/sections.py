"""The sections of a recipe, one frozen dataclass each, checked by itself."""

from __future__ import annotations

import dataclasses

from pipeline.optimizers.table import MNEMOSYNE, OPTIMIZER_TABLE

OPTIMIZERS = tuple(OPTIMIZER_TABLE)
ABLATIONS = (
    *("heads", "memory", "encoder", "orthogonalisation", "size_scaling", "run_scaling"),
    *("decay_delay", "nesterov"),
)


@dataclasses.dataclass(frozen=True)
class VocabConfig:
    """Flags of `mnemosyne vocab`."""

    vocab_size: int = 30_522
    do_lower_case: bool = True


@dataclasses.dataclass(frozen=True)
class PrepareConfig:
    """Flags of `mnemosyne prepare`, with the names of google-research/bert.

    Training reads `max_seq_length`, and of records that it masks itself `masked_lm_prob`,
    `max_predictions_per_seq` and `do_whole_word_mask`; for all else it asks the records.
    """

    max_seq_length: int = 128
    max_predictions_per_seq: int = 20
    masked_lm_prob: float = 0.15
    short_seq_prob: float = 0.1
    dupe_factor: int = 10
    do_whole_word_mask: bool = False
    do_lower_case: bool = True
    random_seed: int = 12345
    num_shards: int = 8
    heldout_fraction: float = 0.02
    objective: str = "mlm_nsp"
    masking: str = "static"
    bins: str = ""


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which BERT: a named size; a number that is not None replaces that size's own."""

    size: str = "base"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    num_layers: int | None = None
    hidden_dim: int | None = None
    num_heads: int | None = None
    intermediate_dim: int | None = None

    def overrides(self) -> dict:
        """Returns what replaces the named size's settings."""
        settings = dataclasses.asdict(self)
        del settings["size"]
        return {key: value for key, value in settings.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Which optimizer trains, a row of `pipeline.optimizers.table`, and its settings.

    Mnemosyne takes `learning_rate` and `without` alone, the hand-designed optimizers all others.
    A setting that the optimizer does not have is an error, not ignored.

    Attributes:
      name: one of `OPTIMIZERS`.
      learning_rate: the peak rate; of Mnemosyne a multiplier of its meta-trained rates.
      warmup_fraction: the fraction of the steps with a rising rate.
      decay_start: the fraction of the steps after which the rate falls, in [0, 1); 0 is the end
        of the warm-up.
      weight_decay: decoupled, per unit of rate.
      clip_norm: the largest global norm of the gradients.
      beta_2: decay of the second moment; null takes the published value.
      without: a part of Mnemosyne to leave out, one of `ABLATIONS`; empty for none.

    Raises:
      ValueError: the name is unknown, or a setting out of range or without effect.
    """

    name: str = MNEMOSYNE.name
    learning_rate: float = 1.0
    warmup_fraction: float = 0.1
    decay_start: float = 0.0
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    beta_2: float | None = None
    without: str = ""

    def __post_init__(self) -> None:
        if self.name not in OPTIMIZERS:
            raise ValueError(
                f"Unknown optimizer.name '{self.name}'. Choose one of: {', '.join(OPTIMIZERS)}."
            )
        if not 0 <= self.decay_start < 1:
            raise ValueError(
                f"optimizer.decay_start must be from 0 to below 1, received {self.decay_start}."
            )
        if self.name == MNEMOSYNE.name:
            self._check_mnemosyne()
        else:
            self._check_hand_designed()

    def _check_mnemosyne(self) -> None:
        if self.without not in ("", *ABLATIONS):
            raise ValueError(
                f"optimizer.without must be one of {', '.join(ABLATIONS)}, or empty; received "
                f"{self.without}."
            )
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name not in ("name", "learning_rate", "without") and value != field.default:
                raise ValueError(
                    f"optimizer.{field.name} does nothing for mnemosyne, whose schedule and decay "
                    f"are its own; received {value}. Leave it out, or set optimizer.name=adamw."
                )

    def _check_hand_designed(self) -> None:
        row = OPTIMIZER_TABLE[self.name]
        if self.without:
            raise ValueError(
                f"optimizer.without leaves a part of mnemosyne out, {self.name} has none; "
                f"received {self.without}. Leave it out."
            )
        if self.beta_2 is not None and not row.has_beta_2:
            raise ValueError(
                f"optimizer.beta_2 does nothing for {self.name}, which has no such decay; received "
                f"{self.beta_2}. Leave it out."
            )
        if self.decay_start and not row.rate_falls:
            raise ValueError(
                f"optimizer.decay_start does nothing for {self.name}: its rate never falls; "
                f"received {self.decay_start}. Leave it out."
            )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How long, how much at once, how often to look. Batches are global, in sequences.

    `initial_run` is the folder of a run whose weights this one begins with, such as that of a
    first phase on shorter records; empty for random weights. `log_step_sizes` writes how far each
    variable moves in the steps that are logged into the folder `step_sizes`, for TensorBoard.
    """

    num_train_steps: int = 1_000_000
    global_batch_size: int = 256
    eval_every_steps: int = 1_000
    num_eval_sequences: int = 8_192
    checkpoint_every_steps: int = 1_000
    log_every_steps: int = 100
    steps_per_loop: int = 10
    random_seed: int = 0
    strategy: str = "mirrored"
    initial_run: str = ""
    log_step_sizes: bool = False


@dataclasses.dataclass(frozen=True)
class GlueConfig:
    """Flags of `mnemosyne glue`."""

    tasks: str = "all"
    num_train_epochs: int = 3
    learning_rate: float = 1e-4
    batch_size: int = 32
    max_seq_length: int = 128
    dropout: float = 0.1
    seed: int = 0
