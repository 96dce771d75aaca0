"""Fine-tunes and scores GLUE tasks, one after the other: run folder and tasks to a score table."""

import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Mapping, Sequence

from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.tasks import GlueTask, holds_sample_tasks


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
      tasks: which ones, in this order.
      settings: of every task.
      checkpoint: output folder of `mnemosyne pretrain`.
      glue_dir: folder with one folder per task.
      output: folder for the scores; finished tasks in it are skipped.
      random_init: start from random weights of the checkpoint's sizes.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If a file is malformed, or the output folder holds results of other settings.
    """
    from pipeline.glue.reader import read_task

    task_to_data = {task: read_task(task, glue_dir) for task in tasks}
    if settings.max_seq_length is None:
        settings = dataclasses.replace(settings, max_seq_length=_trained_length(checkpoint))
    start = _Start(checkpoint, random_init=random_init, settings=settings)
    folder = _open_results(
        output,
        start,
        settings,
        checkpoint=checkpoint,
        glue_dir=glue_dir,
        random_init=random_init,
    )
    print(folder.title(), flush=True)
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
    print(f"\n{folder.title()}\nscores in percent; files in {output}\n\n{folder.table()}")
    return 0


def _trained_length(checkpoint: str) -> int:
    """Tokens in the records that the run was trained on; without a run, what its positions hold."""
    from pipeline.glue import initial_weights

    run = pathlib.Path(checkpoint, "run.json")
    if run.is_file():
        return json.loads(run.read_text(encoding="utf-8"))["recipe"]["prepare"]["max_seq_length"]
    return initial_weights.load_config(checkpoint).max_position_embeddings


class _Start:
    """The encoder that every task starts from, and its tokenizer."""

    def __init__(self, checkpoint: str, *, random_init: bool, settings: FineTuningSettings):
        from data_prep.wordpiece import WordpieceTokenizer
        from pipeline.glue import initial_weights
        from pipeline.run.checkpoints import find_vocab

        self.config = dataclasses.replace(
            initial_weights.load_config(checkpoint),
            dropout=settings.dropout,
            attention_dropout=settings.dropout,
        )
        if settings.max_seq_length > self.config.max_position_embeddings:
            raise ValueError(
                f"--max_seq_length: expected at most the encoder's max_position_embeddings "
                f"{self.config.max_position_embeddings}, received {settings.max_seq_length}"
            )
        self.tokenizer = WordpieceTokenizer(
            find_vocab(checkpoint), **initial_weights.tokenizer_settings(checkpoint)
        )
        self.weights = initial_weights.encoder_weights(
            self.config, checkpoint, random_init=random_init, seed=settings.seed
        )
        self.weights_hash = initial_weights.weights_hash(self.weights)


def _open_results(
    output: str,
    start: _Start,
    settings: FineTuningSettings,
    *,
    checkpoint: str,
    glue_dir: str,
    random_init: bool,
):
    from pipeline.glue.results import ResultsFolder

    initialisation = "random" if random_init else "checkpoint"
    sample_tasks = holds_sample_tasks(glue_dir)
    header = {
        "checkpoint": checkpoint,
        "initialisation": initialisation,
        "sample_tasks": sample_tasks,
        "settings": {
            "initialisation": initialisation,
            "encoder_hash": start.weights_hash,
            "sample_tasks": sample_tasks,
            **dataclasses.asdict(settings),
        },
    }
    return ResultsFolder(output, header)


def _announce(task: GlueTask, data, directory: str) -> None:
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


def _run_task(task: GlueTask, data, *, start: _Start, settings, folder) -> None:
    import numpy as np

    from pipeline.glue import classifier_training, initial_weights, metrics
    from pipeline.glue.encoding import encode_texts

    began = time.monotonic()
    train = data.train
    if 0 < settings.max_train_examples < len(train):
        order = np.random.RandomState(settings.seed).permutation(len(train))
        train = train.take(order[: settings.max_train_examples])
    model = initial_weights.build_classifier(
        start.config, task.num_outputs, weights=start.weights, seed=settings.seed
    )
    num_train_steps = classifier_training.train(
        model,
        encode_texts(train.texts, start.tokenizer, settings.max_seq_length),
        train.labels,
        settings=settings,
        description=task.name,
    )
    features = encode_texts(data.dev.texts, start.tokenizer, settings.max_seq_length)
    logits = classifier_training.predict(model, features, batch_size=settings.batch_size)
    predictions = classifier_training.predictions_from_logits(
        logits, is_regression=task.is_regression
    )
    scores = metrics.compute_metrics(task.metrics, data.dev.labels, predictions)
    row = _row(task, data, scores=scores, settings=settings)
    row |= {
        "train_examples": len(train),
        "num_train_steps": num_train_steps,
        "seconds": round(time.monotonic() - began, 1),
    }
    folder.add(row, task=task, labels=data.dev.labels, predictions=predictions)
    print(f"{task.name}: {task.metric_label} {_percent(scores)}", flush=True)


def _row(task: GlueTask, data, *, scores: Mapping[str, float], settings) -> dict:
    from pipeline.glue.metrics import task_score

    return {
        "task": task.name,
        "metrics": dict(scores),
        "score": task_score(scores),
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
