"""The tasks that a run of `mnemosyne glue` leaves out, each with its reason.

An average over some tasks can be taken for one over all of GLUE, so every task that is left out is
named.
"""

import dataclasses
import os
from collections.abc import Iterable, Sequence

from pipeline.glue.reader import find_ax
from pipeline.glue.tasks import AX, AX_FOLDERS, GLUE_TASKS, MNLI, GlueTask

MISSING, NOT_CHOSEN, UNKNOWN = "missing", "not_chosen", "unknown"
NEEDS_MNLI, UNLABELLED, NO_PROMPT = "needs_mnli", "unlabelled", "no_prompt"
_WORDS = {
    MISSING: "there is no folder of this name in --glue_dir",
    NOT_CHOSEN: "it is not in --tasks",
    UNKNOWN: "no task of GLUE has this name",
    NEEDS_MNLI: "the model of MNLI answers it, and MNLI is not run",
    UNLABELLED: f"its answers are not in the folder: {AX.dev_files[0][1]} has them",
    NO_PROMPT: "`mnemosyne prompt` does not answer it",
    "unsupported": "this version does not support the task",  # in folders of earlier versions
}


@dataclasses.dataclass(frozen=True)
class TaskNotRun:
    """A task, or a folder that is none, and why it has no score.

    Attributes:
      name: of the task or folder.
      reason: a key of `_WORDS`.
    """

    name: str
    reason: str

    def line(self) -> str:
        """One line for a reader: "MNLI: not run, it is not in --tasks"."""
        verb = "scored" if self.reason == UNLABELLED else "run"
        return f"{self.name}: not {verb}, {_WORDS[self.reason]}"


def tasks_not_run(
    glue_dir: str, chosen: Sequence[GlueTask], *, sample_tasks: bool, with_prompts: bool = False
) -> tuple[TaskNotRun, ...]:
    """Names the tasks of GLUE, and the folders of `glue_dir`, that are not run.

    Args:
      glue_dir: folder with one sub-folder per task.
      chosen: the tasks that are run.
      sample_tasks: whether `glue_dir` holds sample tasks, of which none of GLUE's is missing.
      with_prompts: whether prompts are trained, which answer no AX.
    """
    folders = sorted(entry.name for entry in os.scandir(glue_dir) if entry.is_dir())
    chosen_names = {task.name for task in chosen}
    found = [
        TaskNotRun(name, NOT_CHOSEN if name in folders else MISSING)
        for name in GLUE_TASKS
        if name not in chosen_names and not (sample_tasks and name not in folders)
    ]
    is_answered = MNLI.name in chosen_names
    if reason := _why_not_ax(glue_dir, is_answered=is_answered, with_prompts=with_prompts):
        found.append(TaskNotRun(AX.name, reason))
    found += [
        TaskNotRun(name, UNKNOWN)
        for name in folders
        if name not in (*GLUE_TASKS, *AX_FOLDERS) and not name.startswith((".", "_"))
    ]
    return tuple(found)


def _why_not_ax(glue_dir: str, *, is_answered: bool, with_prompts: bool) -> str:
    """The reason why AX has no score; empty if it has one, or nobody expects it."""
    folder = find_ax(glue_dir)
    if folder and with_prompts:
        return NO_PROMPT
    if not is_answered:
        return NEEDS_MNLI if folder else ""
    if not folder:
        return MISSING
    has_labels = os.path.isfile(os.path.join(folder, AX.dev_files[0][1]))
    return "" if has_labels else UNLABELLED


def one_line(not_run: Iterable[TaskNotRun]) -> str:
    """All of them: "not run: QQP, MNLI (missing), RTE (not chosen)"; empty of none."""
    reason_to_names: dict[str, list[str]] = {}
    for each in not_run:
        reason_to_names.setdefault(each.reason, []).append(each.name)
    groups = [
        f"{', '.join(names)} ({reason.replace('_', ' ')})"
        for reason, names in reason_to_names.items()
    ]
    return f"not run: {', '.join(groups)}" if groups else ""


def without_scored(not_run: Iterable[TaskNotRun], scored: Iterable[str]) -> list[TaskNotRun]:
    """Drops the tasks that an earlier call scored in the same folder."""
    names = set(scored)
    return [each for each in not_run if each.name not in names]
