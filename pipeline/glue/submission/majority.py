"""One answer for every row of a test set whose task was not run.

GLUE's server refuses a submission in which a file is missing. These files fill it up and score what
guessing scores; they are written only where the user asks for them.

Source: the more frequent label of each training set; for STS-B a constant, which has no
correlation with anything; for AX that of MNLI.
"""

from __future__ import annotations

# Name in a submission -> answer, rows of the official test set.
MAJORITY: dict[str, tuple[str, int]] = {
    "CoLA": ("1", 1_063),
    "SST-2": ("1", 1_821),
    "MRPC": ("1", 1_725),
    "STS-B": ("2.500", 1_379),
    "QQP": ("0", 390_965),
    "MNLI-m": ("contradiction", 9_796),
    "MNLI-mm": ("contradiction", 9_847),
    "QNLI": ("entailment", 5_463),
    "RTE": ("entailment", 3_000),
    "WNLI": ("0", 146),
    "AX": ("contradiction", 1_104),
}


def majority_answers(name: str) -> list[str]:
    """The answers of a file: the same one, as often as the official test set has rows."""
    answer, rows = MAJORITY[name]
    return [answer] * rows
