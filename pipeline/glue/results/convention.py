"""What was scored and what its average means, in words that are printed with the scores.

Published averages differ: over eight, nine or ten columns, with and without WNLI, with MNLI's two
sets apart or averaged, on dev or on test. A number without its convention cannot be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.glue.tasks import GLUE_TASKS, TASKS

GLUE, SAMPLE, OWN = "glue", "sample", "own"  # kinds of tasks that a folder of scores is of
WNLI = "WNLI"
_TITLES = {GLUE: "GLUE, dev sets", SAMPLE: "Sample tasks (not GLUE)", OWN: "Own task, dev set"}
_ORIGINS = {"checkpoint": "encoder of", "random": "random initialisation, sizes of"}


def title(header: Mapping) -> str:
    """What was scored, in one line.

    Args:
      header: As of `ResultsFolder`.
    """
    step, frozen = header.get("encoder_step"), frozen_text(header["settings"])
    at_step = "" if step is None else f" at step {step:,}"
    encoder = f"{_ORIGINS[header['initialisation']]} {header['checkpoint']}"
    return f"{_TITLES[header['kind']]}: {encoder}{at_step}{', ' if frozen else ''}{frozen}"


def average_of(rows: Sequence[Mapping]) -> float:
    """Unweighted mean score of task rows, a fraction."""
    return sum(row["score"] for row in rows) / len(rows)


def average_text(scored: Sequence[str], *, kind: str) -> str:
    """Says of which tasks an average is.

    Example: "The average is over 2 of the 9 tasks of GLUE: CoLA, RTE."
    """
    if kind == OWN:
        return f"The score is that of your own task: {', '.join(scored)}."
    of_all = "sample tasks" if kind == SAMPLE else f"of the {len(GLUE_TASKS)} tasks of GLUE"
    return f"The average is over {len(scored)} {of_all}: {', '.join(scored)}."


def convention_lines(rows: Sequence[Mapping], *, kind: str) -> list[str]:
    """Of which tasks the average is, and how it was made: one line each.

    Args:
      rows: One per task, see `results.seeds.task_rows`.
      kind: `GLUE`, `SAMPLE` or `OWN`.
    """
    scored = [row["task"] for row in rows]
    lines = [average_text(scored, kind=kind)]
    if kind == OWN:
        return lines
    lines.append(convention_line(scored, kind=kind))
    others = [row for row in rows if row["task"] != WNLI]
    if others and len(others) < len(rows):
        lines.append(
            f"Without WNLI: {100 * average_of(others):.1f} over "
            f"{_joined([row['task'] for row in others])}."
        )
    return lines


def convention_line(scored: Sequence[str], *, kind: str) -> str:
    """How the average of GLUE or of sample tasks was made."""
    parts = ["Convention: the unweighted mean of the tasks' scores on the dev sets, not on test"]
    if doubles := [task for task in scored if task in _with_two_metrics()]:
        parts.append(f"the two metrics of {_joined(doubles)} averaged first")
    if "MNLI" in scored:
        parts.append("MNLI's matched and mismatched accuracy averaged first")
    if kind == GLUE:
        parts.append("WNLI in it" if WNLI in scored else "WNLI not in it")
        parts.append("AX never in it")
    return "; ".join(parts) + "."


def frozen_text(settings: Mapping) -> str:
    """Says that a model stayed as it was and a prompt was trained; empty of fine-tuning.

    Args:
      settings: Those that `results.json` holds.
    """
    length = settings.get("prompt_length")
    return f"frozen, with a prompt of {length} vectors" if length else ""


def choice_line(choose: str) -> str:
    """Of which epoch the scores are, and what that means for them."""
    if choose == "best":
        return (
            "Scores are of each run's best epoch by dev score (--choose best): the same dev "
            "examples chose the epoch and score it, so they are optimistic."
        )
    return "Scores are of the last epoch (--choose last): nothing was chosen on dev."


def seeds_line(rows: Sequence[Mapping]) -> str:
    """Of how many seeds the scores are means; empty where each is of one."""
    most = max((len(row["seeds"]) for row in rows), default=0)
    if most < 2:
        return ""
    return (
        f"A score is the mean over up to {most} seeds; deviation is the sample standard deviation "
        "between seeds, of score."
    )


def _with_two_metrics() -> set[str]:
    return {task.name for task in TASKS if len(task.metrics) > 1}


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
