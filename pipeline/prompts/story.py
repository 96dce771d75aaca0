"""Trains and scores prompts, one task and seed after the other: a frozen model to a score table.

Called again, it skips the tasks and seeds that are finished.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from models.fused.graph_release import graphs_released_at_end
from models.t5.prompted_classifier import PromptedT5Classifier
from pipeline.glue import classifier_training, console
from pipeline.glue.files.examples import TaskData
from pipeline.glue.initial_weights import InitialEncoder, load_encoder
from pipeline.glue.pretrained_run import read_run
from pipeline.glue.results import ResultsFolder, convention
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
from pipeline.prompts.settings import PromptSettings
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
    if is_t5_folder(checkpoint):
        check_t5(checkpoint, list(task_to_data), settings)
        start, longest, build = load_frozen_t5(checkpoint), DEFAULT_LENGTH, build_t5_model
    else:
        run = read_run(checkpoint)
        longest, build = run.max_seq_length, build_model
        run.check_length(settings.max_seq_length or longest)
        start = load_encoder(run, dropout=settings.dropout, random_init=False, seed=settings.seed)
    if settings.max_seq_length is None:
        settings = dataclasses.replace(settings, max_seq_length=longest)
    folder = ResultsFolder(output, _header(checkpoint, start, settings, kind), not_run=not_run)
    print(f"{folder.title()}, frozen; prompts of {settings.prompt_length} vectors", flush=True)
    if folder.not_run:
        print(one_line(folder.not_run), flush=True)
    for task, data in task_to_data.items():
        for seed in settings.all_seeds:
            if folder.finished_run(task, seed, data.sha256):
                print(f"{task.name}, seed {seed}: finished earlier, skipped", flush=True)
                continue
            of_seed = dataclasses.replace(settings.of_task(task), seed=seed)
            if not _tune(task, data, start, of_seed, folder, build):
                return 1
    folder.complete()
    print(
        f"\n{folder.title()}, frozen\nscores in percent; files in {output}\n\n{folder.table()}\n\n"
        f"{folder.average_text()}\n"
        f"prompts in {os.path.join(output, _FOLDER)}: `mnemosyne predict --checkpoint` takes one"
    )
    return 0


@graphs_released_at_end()
def _tune(
    task: GlueTask,
    data: TaskData,
    start: InitialEncoder | FrozenT5,
    settings: PromptSettings,
    folder: ResultsFolder,
    build: Callable,
) -> bool:
    """Trains one prompt, saves it and then its score; False if it diverged."""
    folder.begin()
    folder.add_rejects(task, data.rejects)
    console.announce(task, data, folder.directory)
    try:
        done = run_task(task, data, start=start, settings=settings, build=build)
    except FloatingPointError as error:
        print(f"mnemosyne prompt: {error}", file=sys.stderr)
        return False
    path = os.path.join(folder.directory, _FOLDER, f"{task.name}-seed{settings.seed}")
    save_prompt(path, prompt_and_head(done.model), _description(task, done, settings, folder))
    folder.add(
        done.row,
        task=task,
        labels=[examples.labels for examples in data.dev_sets],
        predictions=done.predictions,
    )
    scores = " / ".join(f"{100 * value:.1f}" for value in done.row["metrics"].values())
    print(f"{task.name}, seed {settings.seed}: {task.metric_label} {scores}", flush=True)
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


def _header(
    checkpoint: str, start: InitialEncoder | FrozenT5, settings: PromptSettings, kind: str
) -> dict:
    """What `results.json` says besides the rows; `settings` must not change between two calls."""
    return {
        "checkpoint": checkpoint,
        "initialisation": "checkpoint",
        "encoder_step": start.step,
        "kind": kind,
        "sample_tasks": kind == convention.SAMPLE,
        "settings": {
            "initialisation": "checkpoint",
            "encoder_hash": start.weights_hash,
            "sample_tasks": kind == convention.SAMPLE,
            **settings.fixed(),
        },
    }
