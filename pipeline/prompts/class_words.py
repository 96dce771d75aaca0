"""The words for the classes of a task, where its files have numbers.

Source: Raffel et al. 2020 (T5), appendix D: the target texts of GLUE's tasks.
Differs: words in place of underscores.
"""

from __future__ import annotations

from pipeline.glue.task import GlueTask
from pipeline.glue.tasks import TASKS

_WORDS = {
    "CoLA": ("unacceptable", "acceptable"),
    "SST-2": ("negative", "positive"),
    "MRPC": ("not equivalent", "equivalent"),
    "QQP": ("not duplicate", "duplicate"),
    "WNLI": ("false", "true"),
}


def class_words(task: GlueTask) -> tuple[str, ...]:
    """One text for each class, in the order of `task.labels`; none of a regression."""
    if task in TASKS and task.name in _WORDS:  # a user's task may have the name of one of GLUE's
        return _WORDS[task.name]
    return tuple(label.replace("_", " ") for label in task.labels)
