"""The story of `mnemosyne bench results`: from finished runs to a page and a picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from data_prep import storage
from pipeline.lab import figures_file
from pipeline.lab.races.contestants import CONTESTANTS
from pipeline.lab.races.run import fingerprint_of_settings
from pipeline.lab.races.runs_file import FinishedRun, RunsFile
from pipeline.lab.races.tasks.task import Task
from pipeline.lab.results import outcomes, page, picture


def run(*, runs: str, output: str, plot: str | None = None) -> None:
    """Writes the page and, if asked, the picture.

    Args:
        runs: file of finished runs, or the folder of one.
        output: Markdown file to write.
        plot: picture to draw, or None.

    Raises:
        FileNotFoundError: the folder of a file to write does not exist.
        ValueError: there are no runs.
    """
    figures_file.check_folders({"output": output, "plot": plot})
    file = RunsFile(runs)
    found = outcomes.outcomes_of(file.all())
    if not found:
        raise ValueError(
            f"--runs: expected finished runs of today's settings in {file.path}, found none. Make "
            "some with `mnemosyne bench race`."
        )
    text = page.page(found, command=command(runs=runs, output=output, plot=plot))
    storage.write_whole(output, text.encode())
    if plot:
        by_date = sorted(found, key=lambda each: max(run.date for run in each[0]))
        newest = {outcome.task.name: outcome for _, outcome in by_date}
        picture.save(plot, [newest[name] for name in newest if name.startswith("bert_")])
    print(f"{output}: {len(found)} tasks from the {len(file.all())} runs of {file.path}")


def rekey(runs: str) -> int:
    """Gives every run the settings of today's contestant of its name; returns how many changed.

    For a change of the code that renames settings and changes no number, and for nothing else.

    Args:
        runs: file of finished runs, or the folder of one.
    """
    file, tasks = RunsFile(runs), outcomes.known_tasks()
    before = file.all()
    after = [_with_todays_settings(run, tasks) for run in before]
    storage.write_whole(file.path, "".join(f"{run.to_line()}\n" for run in after).encode())
    return sum(old.key != new.key for old, new in zip(before, after, strict=True))


def _with_todays_settings(run: FinishedRun, tasks: Mapping[str, Task]) -> FinishedRun:
    if run.optimizer not in CONTESTANTS or run.key.task not in tasks:
        return run
    contestant, task = CONTESTANTS[run.optimizer], tasks[run.key.task]
    settings = fingerprint_of_settings(contestant, run.learning_rate, task)
    return dataclasses.replace(run, key=dataclasses.replace(run.key, settings=settings))


def command(*, runs: str, output: str, plot: str | None) -> str:
    """Returns the command that writes the page."""
    line = f"mnemosyne bench results --runs {runs} --output {output}"
    return line + (f" --plot {plot}" if plot else "")
