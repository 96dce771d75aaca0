"""Fine-tunes and scores GLUE tasks, one after the other: a run folder and tasks to a score table.

Called again, it skips the tasks that are finished.
"""

import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.glue import classifier_training, initial_weights, metrics
from pipeline.glue.encoding import encode_texts, unknown_fraction
from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.not_run import one_line, tasks_not_run
from pipeline.glue.pretrained_run import PretrainedRun, read_run
from pipeline.glue.reader import Examples, TaskData, read_task
from pipeline.glue.results import ResultsFolder
from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.tasks import GlueTask, holds_sample_tasks

# Text of the language and casing of a vocabulary has well below a percent.
_MANY_UNKNOWN = 0.02


def finetune(
    tasks: Sequence[GlueTask],
    settings: FineTuningSettings,
    *,
    checkpoint: str,
    glue_dir: str,
    output: str,
    random_init: bool = False,
) -> int:
    """Fine-tunes and scores the tasks; returns 0, or 1 when one diverged.

    Args:
      tasks: Which ones, in this order.
      settings: Of every task. A `max_seq_length` of None is that of the run's records.
      checkpoint: Output folder of `mnemosyne pretrain`.
      glue_dir: Folder with one sub-folder per task.
      output: Folder for the scores; tasks that are finished in it are skipped.
      random_init: Whether to start from random weights of the run's sizes.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If a setting has no effect, a file is malformed, or the output
        folder holds results of other settings.
    """
    classifier_training.optimizer_config(settings)  # refuses what the optimizer does not have
    task_to_data = {task: read_task(task, glue_dir) for task in tasks}
    run = read_run(checkpoint)
    if settings.max_seq_length is None:
        settings = dataclasses.replace(settings, max_seq_length=run.max_seq_length)
    run.check_length(settings.max_seq_length)
    start = initial_weights.load_encoder(
        run, dropout=settings.dropout, random_init=random_init, seed=settings.seed
    )
    sample_tasks = holds_sample_tasks(glue_dir)
    folder = ResultsFolder(
        output,
        _header(checkpoint, start, settings, random_init=random_init, sample_tasks=sample_tasks),
        not_run=tasks_not_run(glue_dir, tasks, sample_tasks=sample_tasks),
    )
    print(folder.title(), flush=True)
    if folder.not_run:
        print(one_line(folder.not_run), flush=True)
    if not random_init:
        _warn_of_untrained_positions(run, settings)
    for task, data in task_to_data.items():
        if folder.finished_row(task, data.sha256):
            print(f"{task.name}: finished earlier with the same settings, skipped", flush=True)
            continue
        folder.begin()
        _announce(task, data, folder.directory)
        folder.add_rejects(task, data.rejects)
        try:
            _run_task(task, data, start=start, settings=settings, folder=folder)
        except FloatingPointError as error:
            print(f"mnemosyne glue: {error}", file=sys.stderr)
            return 1
    folder.complete()
    print(
        f"\n{folder.title()}\nscores in percent; files in {output}\n\n{folder.table()}\n\n"
        f"{folder.average_text()}"
    )
    return 0


def _header(
    checkpoint: str,
    start: InitialEncoder,
    settings: FineTuningSettings,
    *,
    random_init: bool,
    sample_tasks: bool,
) -> dict:
    """What `results.json` says besides the rows; `settings` must not change between two calls."""
    initialisation = "random" if random_init else "checkpoint"
    return {
        "checkpoint": checkpoint,
        "initialisation": initialisation,
        "encoder_step": start.step,
        "sample_tasks": sample_tasks,
        "settings": {
            "initialisation": initialisation,
            "encoder_hash": start.weights_hash,
            "sample_tasks": sample_tasks,
            **dataclasses.asdict(settings),
        },
    }


def _warn_of_untrained_positions(run: PretrainedRun, settings: FineTuningSettings) -> None:
    if untrained := run.untrained_positions(settings.max_seq_length):
        print(
            f"WARNING --max_seq_length {settings.max_seq_length}: the run was trained on records "
            f"of at most {run.trained_positions} tokens, so rows {untrained[0]} to "
            f"{untrained[-1]} of its position table hold their random initial values. Leave the "
            "flag out, or continue pre-training on longer records (train.initial_run) first",
            flush=True,
        )


def _announce(task: GlueTask, data: TaskData, directory: str) -> None:
    line = f"{task.name}: {len(data.train):,} training and {len(data.dev):,} dev examples"
    print(f"{line}; {data.note}" if data.note else line, flush=True)
    if data.rejects:
        first = data.rejects[0]
        print(
            f"WARNING {task.name}: {len(data.rejects)} malformed rows left out, the first in "
            f"{first.file}, line {first.line}: {first.reason}; all are in "
            f"{directory}/rejects.jsonl",
            flush=True,
        )


def _run_task(
    task: GlueTask,
    data: TaskData,
    *,
    start: InitialEncoder,
    settings: FineTuningSettings,
    folder: ResultsFolder,
) -> None:
    began = time.monotonic()
    train = _training_examples(data, settings)
    model = initial_weights.build_classifier(
        start.config, task.num_outputs, weights=start.weights, seed=settings.seed
    )
    features = encode_texts(train.texts, start.tokenizer, settings.max_seq_length)
    unknown = unknown_fraction(features, start.tokenizer)
    if unknown > _MANY_UNKNOWN:
        print(
            f"WARNING {task.name}: {unknown:.1%} of its tokens are [UNK]; the vocabulary of "
            f"{start.tokenizer.vocab_file} was learned from text of another language or casing",
            flush=True,
        )
    num_train_steps = classifier_training.train(
        model, features, train.labels, settings=settings, description=task.name
    )
    features = encode_texts(data.dev.texts, start.tokenizer, settings.max_seq_length)
    logits = classifier_training.predict(model, features, batch_size=settings.batch_size)
    predictions = classifier_training.predictions_from_logits(
        logits, is_regression=task.is_regression
    )
    scores = metrics.compute_metrics(task.metrics, data.dev.labels, predictions)
    row = _row(task, data, scores=scores, settings=settings) | {
        "train_examples": len(train),
        "num_train_steps": num_train_steps,
        "unknown_fraction": unknown,
        "seconds": round(time.monotonic() - began, 1),
    }
    folder.add(row, task=task, labels=data.dev.labels, predictions=predictions)
    print(f"{task.name}: {task.metric_label} {_percent(scores)}", flush=True)


def _training_examples(data: TaskData, settings: FineTuningSettings) -> Examples:
    if not 0 < settings.max_train_examples < len(data.train):
        return data.train
    order = np.random.RandomState(settings.seed).permutation(len(data.train))
    return data.train.take(order[: settings.max_train_examples])


def _row(
    task: GlueTask, data: TaskData, *, scores: Mapping[str, float], settings: FineTuningSettings
) -> dict:
    return {
        "task": task.name,
        "metrics": dict(scores),
        "score": metrics.task_score(scores),
        "dev_examples": len(data.dev),
        "learning_rate": settings.learning_rate,
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "rejects": len(data.rejects),
        "data_sha256": data.sha256,
        "note": data.note,
    }


def _percent(scores: Mapping[str, float]) -> str:
    return " / ".join(f"{100 * value:.1f}" for value in scores.values())
