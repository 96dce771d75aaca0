"""The settings of fine-tuning: one frozen and checked dataclass for flags and recipe section."""

from __future__ import annotations

import dataclasses

from data_prep.settings import setting
from pipeline.glue.tasks import TASKS
from pipeline.recipes.sections import OPTIMIZERS

# A peak rate, but for Mnemosyne a multiplier of its own rates. The others have no default.
DEFAULT_LEARNING_RATES = {"adamw": 1e-4, "mnemosyne": 1.0}


@dataclasses.dataclass(frozen=True)
class FineTuningSettings:
    """What decides the result of one task, besides its data and the encoder.

    `learning_rate` is None only when it is given; afterwards it is the optimizer's default.
    `max_seq_length` is None until the run that is fine-tuned is known.

    Raises:
      ValueError: If a number is out of its range, or the optimizer unknown.
    """

    num_train_epochs: float = setting(3.0, "passes over the training examples, or a fraction")
    learning_rate: float | None = setting(
        None,
        "peak rate of adamw (default 1e-4; small models need more than BERT-base's 2e-5); for "
        "mnemosyne a multiplier of its built-in rates (default 1.0); any other optimizer needs one",
    )
    batch_size: int = setting(32, "examples per step; every step has exactly so many")
    max_seq_length: int | None = setting(
        None, "tokens per example (default: as many as the records of the run have)"
    )
    seed: int = setting(0, "decides order, dropout and new weights")
    optimizer: str = setting("adamw", "as optimizer.name in a recipe", choices=OPTIMIZERS)
    warmup_fraction: float = setting(
        0.1, "fraction of the steps with a rising rate; not of mnemosyne"
    )
    dropout: float = setting(
        0.1,
        "fraction of hidden units and attention weights dropped in training, regardless of "
        "pre-training: a short pre-training needs none, a small task does",
    )
    weight_decay: float = setting(0.01, "decoupled weight decay of matrices; not of mnemosyne")
    max_train_examples: int = setting(
        0, "at most so many training examples per task, drawn with the seed; 0 takes all"
    )

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"--optimizer: expected one of {', '.join(OPTIMIZERS)}; received {self.optimizer}"
            )
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", self._default_learning_rate())
        for name in ("num_train_epochs", "learning_rate", "batch_size", "max_seq_length"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"--{name}: expected more than 0, received {value}")
        for name in ("seed", "max_train_examples", "weight_decay"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"--{name}: expected 0 or more, received {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"--dropout: expected 0 to below 1, received {self.dropout}")
        if not 0 <= self.warmup_fraction <= 1:
            raise ValueError(f"--warmup_fraction: expected 0 to 1, received {self.warmup_fraction}")

    def _default_learning_rate(self) -> float:
        if self.optimizer not in DEFAULT_LEARNING_RATES:
            raise ValueError(f"--learning_rate: expected one with --optimizer {self.optimizer}.")
        return DEFAULT_LEARNING_RATES[self.optimizer]

    def num_train_steps(self, num_examples: int) -> int:
        """Steps of `batch_size` examples that make up the epochs; at least one."""
        return max(1, int(num_examples * self.num_train_epochs / self.batch_size))


@dataclasses.dataclass(frozen=True)
class GlueSettings(FineTuningSettings):
    """The settings of `mnemosyne glue`: those of each task, and which tasks."""

    tasks: str = setting(
        "all",
        f"every task that has a folder, or some of {','.join(task.name for task in TASKS)}",
        metavar="NAMES",
    )
