"""The settings of fine-tuning: one frozen and checked dataclass for flags and recipe section."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from data_prep.settings import setting
from pipeline.glue.task import DEFAULT_NUM_TRAIN_EPOCHS, GlueTask
from pipeline.glue.tasks import TASKS
from pipeline.recipes.sections import OPTIMIZERS

# A peak rate, but for Mnemosyne a multiplier of its own rates. The others have no default.
DEFAULT_LEARNING_RATES = {"adamw": 1e-4, "mnemosyne": 1.0}
CHOICES = ("last", "best")
KEPT_MODELS = ("best", "each_seed", "none")


@dataclasses.dataclass(frozen=True)
class FineTuningSettings:
    """What decides the result of one task, besides its data and the encoder.

    `learning_rate` is None only when it is given; afterwards it is the optimizer's default.
    `max_seq_length` is None until the run that is fine-tuned is known, `num_train_epochs` until
    the task is.

    Raises:
      ValueError: If a number is out of its range, or the optimizer unknown.
    """

    num_train_epochs: float | None = setting(
        None,
        "passes over the training examples, or a fraction (default: the task's own, 3 or 5, see "
        "--list_tasks)",
    )
    learning_rate: float | None = setting(
        None,
        "peak rate of adamw (default 1e-4; small models need more than BERT-base's 2e-5); for "
        "mnemosyne a multiplier of its built-in rates (default 1.0); any other optimizer needs one",
    )
    batch_size: int = setting(32, "examples per step; every step has exactly so many")
    max_seq_length: int | None = setting(
        None, "tokens per example (default: as many as the records of the run have)"
    )
    seed: int = setting(0, "the first seed; decides order, dropout and new weights")
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

    choose: str = setting(
        "last",
        "score the weights after the last epoch, or those of the epoch that is best on dev, which "
        "is optimistic: the same examples choose and score",
        choices=CHOICES,
    )

    # Parts of Mnemosyne that are left out, as `optimizer.without` in a recipe.
    without: ClassVar[str] = ""

    def __post_init__(self):
        if self.choose not in CHOICES:
            raise ValueError(
                f"--choose: expected one of {', '.join(CHOICES)}; received {self.choose}"
            )
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

    def of_task(self, task: GlueTask) -> FineTuningSettings:
        """These settings, with the task's defaults for what is not given."""
        epochs = self.num_train_epochs or task.num_train_epochs
        return dataclasses.replace(self, num_train_epochs=epochs)

    def num_train_steps(self, num_examples: int) -> int:
        """Steps of `batch_size` examples that make up the epochs; at least one."""
        epochs = self.num_train_epochs or DEFAULT_NUM_TRAIN_EPOCHS
        return max(1, int(num_examples * epochs / self.batch_size))

    def epoch_ends(self, num_examples: int) -> dict[int, int]:
        """Step -> number of the epoch (1, 2, ...) that ends with it; the last step ends one too."""
        last = self.num_train_steps(num_examples)
        epochs = -(-last * self.batch_size // num_examples)  # begun, if not all are whole
        whole = {round(epoch * num_examples / self.batch_size): epoch for epoch in range(1, epochs)}
        return {step: epoch for step, epoch in whole.items() if 0 < step < last} | {last: epochs}


@dataclasses.dataclass(frozen=True)
class SeededSettings(FineTuningSettings):
    """The settings of a command that trains some tasks, each with some seeds."""

    tasks: str = setting(
        "all",
        f"every task that has a folder, or some of {','.join(task.name for task in TASKS)}",
        metavar="NAMES",
    )
    seeds: int = setting(1, "runs per task, with seeds SEED, SEED + 1, ...")

    # Between two calls with one output folder.
    may_change: ClassVar[tuple[str, ...]] = ("tasks", "seeds")

    def __post_init__(self):
        super().__post_init__()
        if not self.seeds > 0:
            raise ValueError(f"--seeds: expected 1 or more, received {self.seeds}")

    @property
    def all_seeds(self) -> range:
        """The seed of each run of a task."""
        return range(self.seed, self.seed + self.seeds)

    def fixed(self) -> dict:
        """What must not change between two calls with one output folder, as JSON values."""
        settings = dataclasses.asdict(self)
        return {name: settings[name] for name in settings if name not in self.may_change}


@dataclasses.dataclass(frozen=True)
class GlueSettings(SeededSettings):
    """The settings of `mnemosyne glue`: those of each task, which tasks, and with which seeds."""

    from_mnli: bool = setting(
        False, "start MRPC, STS-B and RTE from the encoder fine-tuned on MNLI; rows say so"
    )
    keep_models: str = setting(
        "best",
        "keep the weights of each task's best seed by dev score in models/TASK; of each seed, too, "
        "in models/TASK-seedN; or of none. test.tsv is predicted with those of the best",
        choices=KEPT_MODELS,
    )
    fill_submission: bool = setting(
        False,
        "complete submission.zip with one answer for every row where a task was not run; else it "
        "stays incomplete",
    )

    may_change: ClassVar[tuple[str, ...]] = (
        *SeededSettings.may_change,
        "keep_models",
        "fill_submission",
    )

    def __post_init__(self):
        super().__post_init__()
        if self.keep_models not in KEPT_MODELS:
            raise ValueError(
                f"--keep_models: expected one of {', '.join(KEPT_MODELS)}; "
                f"received {self.keep_models}"
            )
        if self.from_mnli and self.keep_models == "none":
            raise ValueError(
                "--from_mnli: expected --keep_models best, which keeps the weights of MNLI; "
                "received --keep_models none"
            )
