"""The settings of a fine-tuning run: flags in, one frozen and checked object out."""

import dataclasses

from pipeline.recipes.sections import OPTIMIZERS

# A peak rate, but for Mnemosyne a multiplier of its own. The others must be given one.
DEFAULT_LEARNING_RATES = {"adamw": 1e-4, "mnemosyne": 1.0}


@dataclasses.dataclass(frozen=True)
class FineTuningSettings:
    """What decides the result of one task, besides its data and the encoder.

    Attributes:
      num_train_epochs: Passes over the training examples; may be a fraction.
      learning_rate: Peak rate, reached after the warm-up; for Mnemosyne a multiplier.
      batch_size: Examples per step; every step has exactly this many.
      max_seq_length: Tokens per example; None for as many as the run's records have.
      seed: Decides order, dropout and the initial head.
      optimizer: One of `OPTIMIZERS`, as in a recipe.
      warmup_fraction: Share of the steps with a rising rate, in [0, 1]; not of Mnemosyne.
      dropout: Probability in [0, 1) of dropping a hidden unit or attention weight, whatever
        pre-training used: a short pre-training needs none, a small task does.
      weight_decay: Decoupled decay of matrices; bias and LayerNorm have none. Not of
        Mnemosyne.
      max_train_examples: At most so many training examples, drawn with `seed`;
        0 takes all.

    Raises:
      ValueError: If a number is out of its range, or the optimizer unknown.
    """

    num_train_epochs: float = 3.0
    learning_rate: float = DEFAULT_LEARNING_RATES["adamw"]
    batch_size: int = 32
    max_seq_length: int | None = None
    seed: int = 0
    optimizer: str = "adamw"
    warmup_fraction: float = 0.1
    dropout: float = 0.1
    weight_decay: float = 0.01
    max_train_examples: int = 0

    def __post_init__(self):
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
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"--optimizer: expected one of {', '.join(OPTIMIZERS)}; received {self.optimizer}"
            )

    def num_train_steps(self, num_examples: int) -> int:
        """Steps of `batch_size` examples that make up the epochs; at least one."""
        return max(1, int(num_examples * self.num_train_epochs / self.batch_size))
