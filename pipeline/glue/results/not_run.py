"""The tasks that a run of `mnemosyne glue` leaves out, each with its reason.

An average over some tasks can be taken for one over all of GLUE, so every task that is left out is
named.
"""

import dataclasses
import os
from collections.abc import Iterable, Sequence

from pipeline.glue.tasks import GLUE_TASKS, TASKS, GlueTask

UNSUPPORTED, MISSING, NOT_CHOSEN, UNKNOWN = "unsupported", "missing", "not_chosen", "unknown"
_WORDS = {
    UNSUPPORTED: "this version does not support the task",
    MISSING: "there is no folder of this name in --glue_dir",
    NOT_CHOSEN: "it is not in --tasks",
    UNKNOWN: "no task of GLUE has this name",
}

_DIAGNOSTICS = ("ax", "diagnostic")  # GLUE's own set without labels, by its two names


@dataclasses.dataclass(frozen=True)
class TaskNotRun:
    """A task, or a folder that is none, and why it has no score.

    Attributes:
      name: of the task or folder.
      reason: "unsupported", "missing", "not_chosen" or "unknown".
    """

    name: str
    reason: str

    def line(self) -> str:
        """One line for a reader: "MNLI: not run, this version does not support the task"."""
        return f"{self.name}: not run, {_WORDS[self.reason]}"


def tasks_not_run(
    glue_dir: str, chosen: Sequence[GlueTask], *, sample_tasks: bool
) -> tuple[TaskNotRun, ...]:
    """Names the tasks of GLUE, and the folders of `glue_dir`, that are not run.

    Args:
      glue_dir: folder with one sub-folder per task.
      chosen: the tasks that are run.
      sample_tasks: whether `glue_dir` holds sample tasks, of which none of GLUE's is missing.
    """
    folders = sorted(entry.name for entry in os.scandir(glue_dir) if entry.is_dir())
    supported, chosen_names = ({task.name for task in tasks} for tasks in (TASKS, chosen))
    found = []
    for name in GLUE_TASKS:
        if name in chosen_names or (sample_tasks and name not in folders):
            continue
        is_missing = MISSING if name not in folders else NOT_CHOSEN
        found.append(TaskNotRun(name, is_missing if name in supported else UNSUPPORTED))
    found += [
        TaskNotRun(name, UNSUPPORTED if name.lower() in _DIAGNOSTICS else UNKNOWN)
        for name in folders
        if name not in GLUE_TASKS and not name.startswith((".", "_"))
    ]
    return tuple(found)


def one_line(not_run: Iterable[TaskNotRun]) -> str:
    """All of them: "not run: QQP, MNLI (unsupported), RTE (not chosen)"; empty of none."""
    reason_to_names: dict[str, list[str]] = {}
    for each in not_run:
        reason_to_names.setdefault(each.reason, []).append(each.name)
    groups = [
        f"{', '.join(names)} ({reason.replace('_', ' ')})"
        for reason, names in reason_to_names.items()
    ]
    return f"not run: {', '.join(groups)}" if groups else ""


def average_text(scored: Sequence[str], *, sample_tasks: bool) -> str:
    """Says of which tasks an average is.

    Example: "The average is over 2 of the 9 tasks of GLUE: CoLA, RTE."
    """
    of_all = "sample tasks" if sample_tasks else f"of the {len(GLUE_TASKS)} tasks of GLUE"
    return f"The average is over {len(scored)} {of_all}: {', '.join(scored)}."


def without_scored(not_run: Iterable[TaskNotRun], scored: Iterable[str]) -> list[TaskNotRun]:
    """Drops the tasks that an earlier call scored in the same folder."""
    names = set(scored)
    return [each for each in not_run if each.name not in names]
