"""`mnemosyne glue`: fine-tunes and scores GLUE tasks, one after the other.

A pre-training run folder and a folder of GLUE tasks go in; a table of scores on the dev sets comes
out. Run again, it skips the tasks that are finished.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from pipeline.glue.settings import DEFAULT_LEARNING_RATES, FineTuningSettings
from pipeline.glue.tasks import TASKS, select_tasks
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
        ("seed", "decides order, dropout and new weights"),
        ("warmup_fraction", "share of the steps with a rising rate"),
        ("dropout", "share of units and attention weights dropped in training"),
        ("weight_decay", "decoupled weight decay of the matrices"),
        ("max_train_examples", "at most so many training examples per task; 0 takes all"),
    ):
        default = getattr(defaults, name)
        add(f"--{name}", type=type(default), default=default, help=f"{text} (%(default)s)")
    add(
        "--max_seq_length",
        type=int,
        help="tokens per example (as many as the records of the run have)",
    )
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
      ValueError: If a flag or a file is malformed, or the output folder holds results of other
        settings.
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
    from pipeline.glue.finetune import finetune

    return finetune(
        tasks,
        settings,
        checkpoint=args.checkpoint,
        glue_dir=args.glue_dir,
        output=args.output,
        random_init=args.random_init,
    )
