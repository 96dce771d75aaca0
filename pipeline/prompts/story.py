"""Trains and scores prompts, one task and seed after the other: a frozen model to a score table.

Called again, it skips the tasks and seeds that are finished.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from models.fused.graph_release import graphs_released_at_end
from models.t5.prompted_classifier import PromptedT5Classifier
from pipeline.glue import classifier_training, console
from pipeline.glue.files.examples import TaskData
from pipeline.glue.initial_weights import InitialEncoder, load_encoder
from pipeline.glue.pretrained_run import read_run
from pipeline.glue.results import ResultsFolder, convention
from pipeline.glue.results.header import header_of
from pipeline.glue.results.not_run import TaskNotRun, one_line
from pipeline.glue.task import GlueTask
from pipeline.glue.task_run import TaskRun, run_task
from pipeline.prompts.class_words import class_words
from pipeline.prompts.folder import PromptDescription, save_prompt
from pipeline.prompts.frozen_t5 import (
    DEFAULT_LENGTH,
    FrozenT5,
    build_t5_model,
    check_t5,
    load_frozen_t5,
)
from pipeline.prompts.prompted_model import build_model, prompt_and_head
from pipeline.prompts.settings import CLASSES, PromptSettings
from pipeline.weights.t5.folder import is_t5_folder

_FOLDER = "prompts"


def tune_prompts(
    task_to_data: Mapping[GlueTask, TaskData],
    settings: PromptSettings,
    *,
    checkpoint: str,
    output: str,
    kind: str = convention.GLUE,
    not_run: Sequence[TaskNotRun] = (),
) -> int:
    """Trains and scores the prompts; returns 0, or 1 when one diverged.

    Args:
      task_to_data: Which tasks, in this order, and the examples of each.
      settings: Of every task. A `max_seq_length` of None is that of the run's records.
      checkpoint: Run or model folder of a BERT, or folder of a T5; it stays frozen.
      output: Folder for scores and prompts.
      kind: Of tasks: `convention.GLUE`, `SAMPLE` or `OWN`.
      not_run: Tasks that are left out, each with its reason.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If a setting has no effect, or the output folder holds results of other settings.
    """
    classifier_training.optimizer_config(settings)  # refuses what the optimizer does not have
    _check_start(task_to_data, settings)
    start, settings, build = load_frozen(checkpoint, settings, list(task_to_data))
    folder = ResultsFolder(
        output, header_of(checkpoint, start, settings, kind=kind), not_run=not_run
    )
    print(folder.title(), flush=True)
    if folder.not_run:
        print(one_line(folder.not_run), flush=True)
    for task, data in task_to_data.items():
        seeds = [s for s in settings.all_seeds if not folder.finished_run(task, s, data.sha256)]
        if len(seeds) < settings.seeds:
            console.say_skipped(task, settings, seeds)
        if seeds and not _tune(task, data, seeds, start, settings, folder, build):
            return 1
    folder.complete()
    print(
        f"\n{folder.title()}\nscores in percent; files in {output}\n\n{folder.table()}\n\n"
        f"{folder.average_text()}\n"
        f"prompts in {os.path.join(output, _FOLDER)}: `mnemosyne predict --checkpoint` takes one"
    )
    if with_tests := [task.name for task, data in task_to_data.items() if data.tests]:
        print(
            f"test files of {', '.join(with_tests)} are not answered here; `mnemosyne predict "
            "--checkpoint PROMPT --input FILE` does"
        )
    return 0


def load_frozen(
    checkpoint: str, settings: PromptSettings, tasks: Sequence[GlueTask]
) -> tuple[InitialEncoder | FrozenT5, PromptSettings, Callable]:
    """Reads the model that prompts are trained for, and checks the settings against it.

    Args:
      checkpoint: As of `tune_prompts`.
      settings: Of every task.
      tasks: Which.

    Returns:
      The frozen model, the settings with the length of its texts, and `build` for `run_task`.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If it cannot do a task, or a setting has no effect on it.
    """
    if is_t5_folder(checkpoint):
        check_t5(checkpoint, tasks, settings)
        return load_frozen_t5(checkpoint), _of_length(settings, DEFAULT_LENGTH), build_t5_model
    run = read_run(checkpoint)
    settings = _of_length(settings, run.max_seq_length)
    run.check_length(settings.max_seq_length)
    console.warn_of_untrained_positions(run, settings)
    start = load_encoder(run, dropout=settings.dropout, random_init=False, seed=settings.seed)
    return start, settings, build_model


def _of_length(settings: PromptSettings, longest: int) -> PromptSettings:
    return dataclasses.replace(settings, max_seq_length=settings.max_seq_length or longest)


def _check_start(tasks: Iterable[GlueTask], settings: PromptSettings) -> None:
    """Raises ValueError if a prompt is to begin with the words of classes and a task has none."""
    scores = [task.name for task in tasks if task.is_regression]
    if settings.prompt_init == CLASSES and scores:
        raise ValueError(
            f"--prompt_init classes: expected tasks with classes, received {', '.join(scores)}, "
            "whose answers are scores; leave them out of --tasks, or take --prompt_init vocabulary"
        )


def _tune(
    task: GlueTask,
    data: TaskData,
    seeds: Sequence[int],
    start: InitialEncoder | FrozenT5,
    settings: PromptSettings,
    folder: ResultsFolder,
    build: Callable,
) -> bool:
    """Trains the prompts of a task, saves each and then its score; False if one diverged."""
    folder.begin()
    folder.add_rejects(task, data.rejects)
    console.announce(task, data, folder.directory)
    for seed in seeds:
        of_seed = dataclasses.replace(settings.of_task(task), seed=seed)
        with graphs_released_at_end():
            try:
                done = run_task(task, data, start=start, settings=of_seed, build=build)
            except FloatingPointError as error:
                print(f"mnemosyne prompt: {error}", file=sys.stderr)
                return False
            if seed == seeds[0]:
                console.warn_of_unknown_tokens(done.row, start)
                console.say_cut(done.row, of_seed)
            path = os.path.join(folder.directory, _FOLDER, f"{task.name}-seed{seed}")
            about = _description(task, done, of_seed, folder)
            save_prompt(path, prompt_and_head(done.model), about)
            labels = [examples.labels for examples in data.dev_sets]
            folder.add(done.row, task=task, labels=labels, predictions=done.predictions)
            console.say_scores(task, done.row)
    return True


def _description(
    task: GlueTask, done: TaskRun, settings: PromptSettings, folder: ResultsFolder
) -> PromptDescription:
    return PromptDescription(
        checkpoint=os.path.realpath(folder.header["checkpoint"]),
        encoder_hash=folder.header["settings"]["encoder_hash"],
        task=task.name,
        labels=task.labels,
        score_range=task.score_range if task.is_regression else None,
        sentence_columns=task.text_columns,
        max_seq_length=settings.max_seq_length,
        prompt_length=settings.prompt_length,
        prompt_init=settings.prompt_init,
        seed=settings.seed,
        metrics=done.row["metrics"],
        answers=class_words(task) if isinstance(done.model, PromptedT5Classifier) else (),
    )
