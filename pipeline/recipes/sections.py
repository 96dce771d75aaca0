"""The sections `model` and `optimizer` of a recipe: frozen dataclasses that check themselves.

The section `train` is `pipeline.recipes.train_section`; the others are the dataclasses of their
stages, `data_prep.settings` and `pipeline.glue.settings`.
"""

from __future__ import annotations

import dataclasses

from pipeline.optimizers.table import MNEMOSYNE, OPTIMIZER_TABLE, OptimizerRow

# Rows of the position embeddings of every published BERT.
BERT_POSITIONS = 512
OPTIMIZERS = tuple(OPTIMIZER_TABLE)
# What `optimizer.schedule` can be: warm-up, plateau and decay; the first two; the last alone.
WHOLE, STABLE, DECAY = "whole", "stable", "decay"
SCHEDULES = (WHOLE, STABLE, DECAY)
_OF_MNEMOSYNE = ("name", "learning_rate", "schedule", "without")
_OF_A_DECAY = ("decay_start", "decay_power")
ABLATIONS = (
    *("heads", "tokens", "memory", "encoder", "orthogonalisation", "size_scaling"),
    *("run_scaling", "decay_delay", "decay_power", "position_growth", "roles", "nesterov"),
)


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which BERT or T5: a named size; a number that is not None replaces that size's own.

    `max_position_embeddings` is the longest sequence that the model can read, in tokens; None means
    512, or as many as the records have where that is more. `hidden_act` and `layer_norm_epsilon`
    are those of `BertConfig`, for a run that begins with weights of elsewhere.
    """

    size: str = "base"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    num_layers: int | None = None
    hidden_dim: int | None = None
    num_heads: int | None = None
    intermediate_dim: int | None = None
    max_position_embeddings: int | None = None
    hidden_act: str | None = None
    layer_norm_epsilon: float | None = None

    def overrides(self, max_seq_length: int) -> dict:
        """Returns what replaces the named size's settings.

        Args:
          max_seq_length: tokens in a record.
        """
        settings = dataclasses.asdict(self)
        del settings["size"]
        settings["max_position_embeddings"] = self.num_positions(max_seq_length)
        return {key: value for key, value in settings.items() if value is not None}

    def t5_overrides(self) -> dict:
        """Returns what replaces the settings of a named T5; its decoder is as deep as its encoder.

        What a T5 has not, `pipeline.recipes.t5_settings` refuses.
        """
        names = ("num_layers", "hidden_dim", "num_heads", "intermediate_dim", "layer_norm_epsilon")
        settings = {name: getattr(self, name) for name in names}
        return {key: value for key, value in settings.items() if value is not None}

    def num_positions(self, max_seq_length: int) -> int:
        """Returns the rows of the table of position embeddings."""
        return self.max_position_embeddings or max(BERT_POSITIONS, max_seq_length)


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Which optimizer trains, a row of `pipeline.optimizers.table`, and its settings.

    Mnemosyne takes `learning_rate`, `schedule` and `without` alone, the hand-designed optimizers
    all but the last.
    A setting that the optimizer does not have is an error, not ignored.

    Attributes:
      name: one of `OPTIMIZERS`.
      learning_rate: the peak rate; of Mnemosyne a multiplier of its own rates, 1.0 unless it is
        given. The others have no default: their best rate depends on model and batch.
      schedule: `whole` is a run from its warm-up to a rate of 0; `stable` keeps its rate after the
        warm-up, so that it can be of any length; `decay` goes on from a checkpoint of such a run,
        `train.initial_run`, with the state of its optimizer, and falls to 0 over its own steps.
      warmup_fraction: the fraction of the steps with a rising rate.
      num_warmup_steps: these steps as a number, in place of the fraction; `stable` needs it.
      decay_start: the fraction of the steps after which the rate falls, in [0, 1); 0 is the end
        of the warm-up.
      decay_power: power of the fraction of the decay that is left, above 0; null for 1, a linear
        decay.
      weight_decay: decoupled, per unit of rate.
      clip_norm: the largest global norm of the gradients.
      beta_2: decay of the second moment; null takes the published value.
      without: a part of Mnemosyne to leave out, one of `ABLATIONS`; empty for none.

    Raises:
      ValueError: the name is unknown, or a setting out of range or without effect.
    """

    name: str = MNEMOSYNE.name
    learning_rate: float | None = None
    schedule: str = WHOLE
    warmup_fraction: float = 0.1
    num_warmup_steps: int | None = None
    decay_start: float = 0.0
    decay_power: float | None = None
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    beta_2: float | None = None
    without: str = ""

    def __post_init__(self) -> None:
        if self.name not in OPTIMIZERS:
            raise ValueError(
                f"Unknown optimizer.name '{self.name}'. Choose one of: {', '.join(OPTIMIZERS)}."
            )
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"optimizer.schedule must be one of {', '.join(SCHEDULES)}, received "
                f"{self.schedule}."
            )
        if self.num_warmup_steps is not None and self.num_warmup_steps < 0:
            raise ValueError(
                f"optimizer.num_warmup_steps must be at least 0, received {self.num_warmup_steps}."
            )
        if not 0 <= self.decay_start < 1:
            raise ValueError(
                f"optimizer.decay_start must be from 0 to below 1, received {self.decay_start}."
            )
        if self.decay_power is not None and self.decay_power <= 0:
            raise ValueError(f"optimizer.decay_power must be above 0, received {self.decay_power}.")
        if self.name == MNEMOSYNE.name:
            if self.learning_rate is None:
                object.__setattr__(self, "learning_rate", 1.0)
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
            if field.name not in _OF_MNEMOSYNE and value != field.default:
                raise ValueError(
                    f"optimizer.{field.name} does nothing for mnemosyne, whose schedule and decay "
                    f"are its own; received {value}. Leave it out, or set optimizer.name=adamw."
                )

    def _check_hand_designed(self) -> None:
        row = OPTIMIZER_TABLE[self.name]
        if self.learning_rate is None:
            raise ValueError(
                f"optimizer.learning_rate must be given with optimizer.name={self.name}, received "
                f"none. Try rates between {min(row.sweep_rates):g} and {max(row.sweep_rates):g}: "
                "small models want the higher ones."
            )
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
        self._check_phase(row)
        for key in _OF_A_DECAY:
            if (value := getattr(self, key)) and not row.rate_falls:
                raise ValueError(
                    f"optimizer.{key} does nothing for {self.name}: its rate never falls; "
                    f"received {value}. Leave it out."
                )

    def _check_phase(self, row: OptimizerRow) -> None:
        if self.schedule == WHOLE:
            return
        if not row.rate_falls:
            raise ValueError(
                f"optimizer.schedule={self.schedule} does nothing for {self.name}, whose rate "
                "never falls. Leave it out: such a run may stop at every checkpoint."
            )
        if self.schedule == STABLE and self.num_warmup_steps is None:
            raise ValueError(
                "optimizer.schedule=stable is a run of any length, so its warm-up cannot be a "
                "fraction of it. Pass --set optimizer.num_warmup_steps=10000, or another number."
            )
        ignored = [*_OF_A_DECAY] + (["num_warmup_steps"] if self.schedule == DECAY else [])
        for key in ignored:
            if value := getattr(self, key):
                raise ValueError(
                    f"optimizer.{key} does nothing with optimizer.schedule={self.schedule}; "
                    f"received {value}. Leave it out."
                )
