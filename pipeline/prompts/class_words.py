"""The words for the classes of a task, where its files have numbers.

Source: Raffel et al. 2020 (T5), appendix D: the target texts of GLUE's tasks.
Differs: words in place of underscores.
"""

from __future__ import annotations

from pipeline.glue.task import GlueTask

_WORDS = {
    "CoLA": ("unacceptable", "acceptable"),
    "SST-2": ("negative", "positive"),
    "MRPC": ("not equivalent", "equivalent"),
    "QQP": ("not duplicate", "duplicate"),
    "WNLI": ("false", "true"),
}


def class_words(task: GlueTask) -> tuple[str, ...]:
    """One text for each class, in the order of `task.labels`; none of a regression."""
    return _WORDS.get(task.name, tuple(label.replace("_", " ") for label in task.labels))
