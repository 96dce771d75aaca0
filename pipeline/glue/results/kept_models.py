"""The fine-tuned model of each task: OUTPUT/models/TASK, of the seed that is best on dev.

With `--keep_models each_seed` OUTPUT/models/TASK-seedN, too, of every seed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable

from models.bert_classifier import BertClassifier
from pipeline.glue import initial_weights
from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.pretrained_run import PretrainedRun
from pipeline.glue.results.folder import ResultsFolder
from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.task import GlueTask
from pipeline.glue.task_run import TaskRun
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import (
    is_model_folder,
    load_weights,
    read_model_folder,
    save_model_folder,
)

_FOLDER = "models"


def path_of(output: str, task: GlueTask, seed: int | None = None) -> str:
    """The folder of a task's best model, or of that of a seed, whether it is there or not."""
    name = task.name if seed is None else f"{task.name}-seed{seed}"
    return os.path.join(output, _FOLDER, name)


def has_model(folder: ResultsFolder, task: GlueTask) -> bool:
    """Says whether a whole model of the task is there."""
    return task.name in folder.models and is_model_folder(path_of(folder.directory, task))


def not_kept(folder: ResultsFolder, task: GlueTask, seeds: Iterable[int]) -> list[int]:
    """The seeds among these whose own model is not there."""
    return [s for s in seeds if not is_model_folder(path_of(folder.directory, task, s))]


def is_better(done: TaskRun, folder: ResultsFolder, task: GlueTask) -> bool:
    """Says whether a run beats the one whose model is kept; of equal ones the first stays."""
    if not has_model(folder, task):
        return True
    kept = [run for run in folder.runs if run["task"] == task.name]
    scores = [run["score"] for run in kept if run["seed"] == folder.models[task.name]]
    return not scores or done.row["score"] > scores[0]


def save(
    done: TaskRun,
    folder: ResultsFolder,
    task: GlueTask,
    *,
    run: PretrainedRun,
    settings: FineTuningSettings,
    as_best: bool,
) -> None:
    """Writes the model of a run, over the one that was kept before it.

    Args:
      done: the run.
      folder: of the scores.
      task: which.
      run: where training started.
      settings: of the task and seed.
      as_best: whether it is the task's best, or goes to the folder of its seed.
    """
    seed = done.row["seed"]
    description = ModelDescription(
        kind="classifier",
        max_seq_length=settings.max_seq_length,
        trained_positions=max(run.trained_positions, settings.max_seq_length),
        origin=f"{folder.header['checkpoint']}, fine-tuned on {task.name} with seed {seed}",
        task=task.name,
        labels=task.labels,
        score_range=task.score_range if task.is_regression else None,
        sentence_columns=task.text_columns,
        metrics=done.row["metrics"],
    )
    save_model_folder(
        path_of(folder.directory, task, None if as_best else seed),
        done.model,
        description,
        vocab_file=run.vocab_file,
        do_lower_case=run.do_lower_case,
        ids=run.ids,
    )


def load(folder: ResultsFolder, task: GlueTask, start: InitialEncoder) -> BertClassifier:
    """The kept model of a task.

    Raises:
      FileNotFoundError: If it is not finished.
      ValueError: If it has other sizes than the encoder.
    """
    model = initial_weights.build_classifier(
        start.config, task.num_outputs, weights=start.weights, seed=0
    )
    load_weights(read_model_folder(path_of(folder.directory, task)), model)
    return model


def encoder_of(folder: ResultsFolder, task: GlueTask, start: InitialEncoder) -> InitialEncoder:
    """The start of another task: the encoder of a kept model."""
    path = path_of(folder.directory, task)
    weights, _ = initial_weights.encoder_weights(start.config, path, random_init=False, seed=0)
    return dataclasses.replace(
        start, weights=weights, weights_hash=initial_weights.weights_hash(weights)
    )
