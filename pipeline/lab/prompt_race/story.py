"""The story of `mnemosyne bench prompt_race`: soft prompts by score, baselines at swept rates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from pipeline.glue.files.examples import TaskData
from pipeline.glue.reader import read_task
from pipeline.glue.task import GlueTask
from pipeline.lab import figures_file
from pipeline.lab.prompt_race import score_table
from pipeline.lab.prompt_race.prompt_runs import Cell, FrozenModel, PromptRuns, with_drawn_dev
from pipeline.lab.prompt_race.score_table import Result
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.sweep import Sweep
from pipeline.lab.races.table import most_accurate_rate
from pipeline.prompts.settings import DEFAULT_LEARNING_RATES, PromptSettings
from pipeline.prompts.story import load_frozen

_VERSIONS_OF = ("tensorflow", "tf-keras", "numpy")
# Six rates a factor of about three apart; a prompt wants larger ones than weights do.
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
_PUBLISHED = DEFAULT_LEARNING_RATES["adafactor_fixed"]  # of the prompt-tuning paper


def contestants() -> list[Contestant]:
    """Returns Mnemosyne, the swept baselines, and Adafactor at its published rate."""
    return [
        Contestant("mnemosyne", rates=(DEFAULT_LEARNING_RATES["mnemosyne"],)),
        Contestant("adamw", "adamw", RATES),
        Contestant("adafactor_fixed", "adafactor_fixed", RATES),
        Contestant(f"adafactor_fixed {_PUBLISHED:g}", "adafactor_fixed", (_PUBLISHED,)),
    ]


def run(
    settings: PromptSettings,
    tasks: Sequence[GlueTask],
    *,
    checkpoints: Sequence[str],
    glue_dir: str,
    prompt_lengths: Sequence[int],
    max_dev_examples: int,
    sweep_seeds: int,
    runs: str,
    output: str | None,
) -> None:
    """Makes the runs that are not finished yet, and prints a table for each cell and one of all.

    Args:
      settings: of `mnemosyne prompt`, for every run; `seeds` of them run at the best rate.
      tasks: which, each in its folder.
      checkpoints: folders of the frozen models.
      glue_dir: with a folder for each task.
      prompt_lengths: vectors; rates are swept at the smallest number of them.
      max_dev_examples: drawn of each dev set; 0 for all.
      sweep_seeds: runs at every other rate.
      runs: file of finished runs, or its folder.
      output: JSON to write, or None.

    Raises:
      ValueError: a setting makes no sense, or a frozen model cannot do a task.
      FileNotFoundError: a file or folder does not exist.
    """
    lengths = sorted(prompt_lengths)
    data = {task: with_drawn_dev(read_task(task, glue_dir), max_dev_examples) for task in tasks}
    models = [
        FrozenModel(checkpoint, *load_frozen(checkpoint, settings, list(tasks)))
        for checkpoint in checkpoints
    ]
    sweep = Sweep(runs, seeds=settings.seeds, sweep_seeds=sweep_seeds, best_rate=most_accurate_rate)
    groups = [_cells(model, task, data, lengths) for model in models for task in tasks]
    for shortest, *longer in groups:
        sweep.announce(shortest, contestants())
        for cell in longer:
            sweep.announce(cell, [_at_rate(each, each.rates[0]) for each in contestants()])
    print(_about(settings, max_dev_examples, lengths), flush=True)
    found = [each for group in groups for each in _compare(group, sweep)]
    sweep.close()
    if output:
        figures = {
            "comparison": "prompt_race",
            "settings": settings.fixed() | {"max_dev_examples": max_dev_examples},
            "seeds": settings.seeds,
            "sweep_seeds": sweep_seeds,
            "frozen": {model.checkpoint: model.start.weights_hash for model in models},
            "results": [dataclasses.asdict(each) for each in found],
        }
        figures_file.save(output, figures, versions_of=_VERSIONS_OF)
    print(f"\nscores in percent\n\n{score_table.summary_table(found)}", flush=True)


def _cells(
    model: FrozenModel, task: GlueTask, data: Mapping[GlueTask, TaskData], lengths: Sequence[int]
) -> list[Cell]:
    return [Cell(model, task, data[task], length) for length in lengths]


def _compare(cells: Sequence[Cell], sweep: Sweep) -> list[Result]:
    """Sweeps in the first of the cells and takes the best rates to the others; prints each table.

    Args:
      cells: of one model and task, the shortest prompt first.
      sweep: makes the runs.
    """
    chosen, found, tried = contestants(), [], {}
    for cell in cells:
        curves = sweep.run_all(PromptRuns(cell, sweep.file), cell, chosen)
        tried = tried or {name: [*by_rate] for name, by_rate in curves.items()}
        best = {name: most_accurate_rate(by_rate) for name, by_rate in curves.items()}
        of_cell = [
            score_table.result(
                cell.model.checkpoint,
                cell.task.name,
                cell.prompt_length,
                name,
                rates=tried[name],
                learning_rate=best[name],
                curves=by_rate[best[name]],
            )
            for name, by_rate in curves.items()
        ]
        print(f"\n{cell.name}\n\n{score_table.cell_table(of_cell)}", flush=True)
        found += of_cell
        chosen = [_at_rate(each, best[each.name]) for each in chosen]
    return found


def _at_rate(contestant: Contestant, rate: float) -> Contestant:
    return dataclasses.replace(contestant, rates=(rate,))


def _about(settings: PromptSettings, max_dev_examples: int, lengths: Sequence[int]) -> str:
    """Returns what holds for all tables, in a few lines."""
    train = f"at most {settings.max_train_examples}" if settings.max_train_examples else "all"
    dev = f"at most {max_dev_examples}, drawn once" if max_dev_examples else "all"
    kept = f"; their best rate serves {', '.join(map(str, lengths[1:]))}" if lengths[1:] else ""
    return (
        f"examples of a task: {train} to train on, {dev} of dev to score; "
        f"batches of {settings.batch_size}, {settings.seeds} seed(s)\n"
        f"rates of baselines are swept with prompts of {lengths[0]} vectors{kept}"
    )
