"""`mnemosyne glue`: fine-tunes and scores GLUE tasks, one after the other.

A pre-training run folder and a folder of GLUE tasks go in; a table of scores on
the dev sets comes out. Run again, it skips the tasks that are finished.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Mapping, Sequence

from pipeline.glue.settings import DEFAULT_LEARNING_RATES, FineTuningSettings
from pipeline.glue.tasks import TASKS, GlueTask, holds_sample_tasks, select_tasks
from pipeline.recipes.sections import OPTIMIZERS

_EPILOG = """example:
  mnemosyne glue --checkpoint runs/tiny --glue_dir glue --tasks CoLA,SST-2 --output scores

writes results.json, results.md, predictions/<task>.tsv and, where rows were bad,
rejects.jsonl. Run again, it skips finished tasks; with other settings it refuses.
"""


def build_parser() -> argparse.ArgumentParser:
    """The flags of the command; defaults are those of `FineTuningSettings`."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne glue",
        description="Fine-tune on GLUE tasks from a pre-trained encoder and score the dev sets.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--checkpoint", required=True, metavar="DIR", help="output of `mnemosyne pretrain`")
    add("--glue_dir", required=True, metavar="DIR", help="folder with one folder per task")
    add("--output", required=True, metavar="DIR", help="folder for the scores")
    add(
        "--tasks",
        default="all",
        help=f"all that are there (default), or some of {','.join(t.name for t in TASKS)}",
    )
    add(
        "--random_init",
        action="store_true",
        help="start from random weights of the checkpoint's sizes, for comparison",
    )
    defaults = FineTuningSettings()
    for name, text in (
        ("num_train_epochs", "passes over the training examples"),
        ("batch_size", "examples per step"),
        ("max_seq_length", "tokens per example"),
        ("seed", "decides order, dropout and new weights"),
        ("warmup_fraction", "share of the steps with a rising rate"),
        ("dropout", "share of units and attention weights dropped in training"),
        ("weight_decay", "decoupled weight decay of the matrices"),
        ("max_train_examples", "at most so many training examples per task; 0 takes all"),
    ):
        default = getattr(defaults, name)
        add(f"--{name}", type=type(default), default=default, help=f"{text} (%(default)s)")
    add("--optimizer", choices=OPTIMIZERS, default=defaults.optimizer, help="%(default)s")
    add(
        "--learning_rate",
        type=float,
        help="peak rate of adamw (1e-4; small models need more than BERT-base's 2e-5); for "
        "mnemosyne a multiplier of its built-in rates (1.0); any other optimizer needs one",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 1 when a task diverged.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If a flag or a file is malformed, or the output folder holds
        results of other settings.
    """
    args = build_parser().parse_args(argv)
    if args.learning_rate is None:
        if args.optimizer not in DEFAULT_LEARNING_RATES:
            raise ValueError(f"--learning_rate: expected one with --optimizer {args.optimizer}.")
        args.learning_rate = DEFAULT_LEARNING_RATES[args.optimizer]
    settings = FineTuningSettings(
        **{f.name: getattr(args, f.name) for f in dataclasses.fields(FineTuningSettings)}
    )
    tasks = select_tasks(args.glue_dir, args.tasks)
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.glue.reader import read_task

    task_to_data = {task: read_task(task, args.glue_dir) for task in tasks}
    start = _Start(args.checkpoint, random_init=args.random_init, settings=settings)
    folder = _open_results(args, start, settings)
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
    print(f"\n{folder.title()}\nscores in percent; files in {args.output}\n\n{folder.table()}")
    return 0


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


def _open_results(args: argparse.Namespace, start: _Start, settings: FineTuningSettings):
    from pipeline.glue.results import ResultsFolder

    initialisation = "random" if args.random_init else "checkpoint"
    sample_tasks = holds_sample_tasks(args.glue_dir)
    header = {
        "checkpoint": args.checkpoint,
        "initialisation": initialisation,
        "sample_tasks": sample_tasks,
        "settings": {
            "initialisation": initialisation,
            "encoder_hash": start.weights_hash,
            "sample_tasks": sample_tasks,
            **dataclasses.asdict(settings),
        },
    }
    return ResultsFolder(args.output, header)


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
