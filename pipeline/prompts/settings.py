"""The settings of `mnemosyne prompt`: one frozen and checked dataclass."""

from __future__ import annotations

import dataclasses

from data_prep.settings import setting
from pipeline.glue.settings import SeededSettings
from pipeline.optimizers.table import MNEMOSYNE
from pipeline.recipes.sections import OPTIMIZERS

VOCABULARY, CLASSES, RANDOM = "vocabulary", "classes", "random"
PROMPT_INITS = (VOCABULARY, CLASSES, RANDOM)
# Mnemosyne's is a multiplier of its own rates, which are low for what is moved element by element,
# so that all layers can move at once; with a prompt no other layer moves. Adafactor's is the
# prompt-tuning paper's.
DEFAULT_LEARNING_RATES = {"mnemosyne": 2.0, "adamw": 1e-2, "adafactor_fixed": 0.3}


@dataclasses.dataclass(frozen=True)
class PromptSettings(SeededSettings):
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
        "peak rate; of mnemosyne a multiplier of its built-in rates (default 2.0), of adamw 1e-2, "
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

    def __post_init__(self):
        super().__post_init__()
        if not self.prompt_length > 0:
            raise ValueError(f"--prompt_length: expected 1 or more, received {self.prompt_length}")
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
    def without(self) -> str:
        """What is left out of Mnemosyne: its rates fall with the width of a model.

        That is for a model that trains as a whole. With a prompt no other layer moves.
        """
        return "size_scaling" if self.optimizer == MNEMOSYNE.name else ""

    def fixed(self) -> dict:
        """As `SeededSettings.fixed`, with what is left out of Mnemosyne."""
        return super().fixed() | {"without": self.without}
