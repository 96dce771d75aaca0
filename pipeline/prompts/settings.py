"""The settings of `mnemosyne prompt`: one frozen and checked dataclass."""

from __future__ import annotations

import dataclasses

from data_prep.settings import setting
from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.tasks import TASKS
from pipeline.recipes.sections import OPTIMIZERS

VOCABULARY, CLASSES, RANDOM = "vocabulary", "classes", "random"
PROMPT_INITS = (VOCABULARY, CLASSES, RANDOM)
# Mnemosyne's is a multiplier of its own rates; Adafactor's is the prompt-tuning paper's.
DEFAULT_LEARNING_RATES = {"mnemosyne": 1.0, "adamw": 1e-2, "adafactor_fixed": 0.3}
_MAY_CHANGE = ("tasks", "seeds")


@dataclasses.dataclass(frozen=True)
class PromptSettings(FineTuningSettings):
    """What decides the prompt of a task, besides its data and the frozen model.

    Raises:
      ValueError: If a number is out of its range, or a name unknown.
    """

    optimizer: str = setting(
        "mnemosyne", "as optimizer.name in a recipe; mnemosyne has nothing to set",
        choices=OPTIMIZERS,
    )  # fmt: skip
    learning_rate: float | None = setting(
        None,
        "peak rate; of mnemosyne a multiplier of its built-in rates (default 1.0), of adamw 1e-2, "
        "of adafactor_fixed 0.3; any other optimizer needs one",
    )
    dropout: float = setting(
        0.0, "fraction of hidden units and attention weights of the frozen model to drop"
    )
    prompt_length: int = setting(20, "trained vectors before the text")
    prompt_init: str = setting(
        VOCABULARY,
        "the vectors begin as words: 'vocabulary', drawn from the most common ones of the task; "
        "'classes', those of its labels, then drawn ones; or at 'random'",
        choices=PROMPT_INITS,
    )
    tasks: str = setting(
        "all",
        f"every task that has a folder, or some of {','.join(task.name for task in TASKS)}",
        metavar="NAMES",
    )
    seeds: int = setting(1, "prompts per task, with seeds SEED, SEED + 1, ...")

    def __post_init__(self):
        super().__post_init__()
        for name in ("prompt_length", "seeds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"--{name}: expected 1 or more, received {getattr(self, name)}")
        if self.prompt_init not in PROMPT_INITS:
            raise ValueError(
                f"--prompt_init: expected one of {', '.join(PROMPT_INITS)}, "
                f"received {self.prompt_init}"
            )

    def _default_learning_rate(self) -> float:
        if self.optimizer not in DEFAULT_LEARNING_RATES:
            raise ValueError(f"--learning_rate: expected one with --optimizer {self.optimizer}.")
        return DEFAULT_LEARNING_RATES[self.optimizer]

    @property
    def all_seeds(self) -> range:
        """The seed of each prompt of a task."""
        return range(self.seed, self.seed + self.seeds)

    def fixed(self) -> dict:
        """What must not change between two calls with one output folder, as JSON values."""
        settings = dataclasses.asdict(self)
        return {name: settings[name] for name in settings if name not in _MAY_CHANGE}
