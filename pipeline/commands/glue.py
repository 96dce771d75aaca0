"""`mnemosyne glue`: fine-tunes and scores GLUE tasks, one after the other.

A pre-training run folder and a folder of GLUE tasks go in; a table of scores on the dev sets comes
out. Run again, it skips the tasks that are finished.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from data_prep.settings import add_flags, from_flags
from pipeline.glue.settings import GlueSettings
from pipeline.glue.tasks import holds_sample_tasks, select_tasks

_EPILOG = """example:
  mnemosyne glue --checkpoint runs/tiny --glue_dir glue --tasks CoLA,SST-2 --output scores

writes results.json, results.md, predictions/<task>.tsv and, where rows were bad,
rejects.jsonl. Run again, it skips finished tasks; with other settings it refuses.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser; its flags and their defaults are those of `GlueSettings`."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne glue",
        description="Fine-tune on GLUE tasks from a pre-trained encoder and score the dev sets.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="DIR",
        help="output of 'mnemosyne pretrain' for its newest checkpoint, or DIR/checkpoints/best",
    )
    add("--glue_dir", required=True, metavar="DIR", help="folder with one folder per task")
    add("--output", required=True, metavar="DIR", help="folder for the scores")
    add(
        "--random_init",
        action="store_true",
        help="start from random weights of the checkpoint's sizes, for comparison",
    )
    add_flags(parser, GlueSettings)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 1 when a task diverged.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If a flag or a file is malformed, or the output folder holds results of other
        settings.
    """
    args = build_parser().parse_args(argv)
    settings = from_flags(GlueSettings, args)
    tasks = select_tasks(args.glue_dir, args.tasks)
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.glue.finetune import finetune
    from pipeline.glue.reader import read_task
    from pipeline.glue.results import convention
    from pipeline.glue.results.not_run import tasks_not_run

    is_sample = holds_sample_tasks(args.glue_dir)
    return finetune(
        {task: read_task(task, args.glue_dir) for task in tasks},
        settings,
        checkpoint=args.checkpoint,
        output=args.output,
        kind=convention.SAMPLE if is_sample else convention.GLUE,
        not_run=tasks_not_run(args.glue_dir, tasks, sample_tasks=is_sample),
        random_init=args.random_init,
    )
