"""`mnemosyne glue`: fine-tunes and scores GLUE tasks, one after the other.

A pre-training run folder and a folder of GLUE tasks go in; a table of scores on the dev sets comes
out. Run again, it skips the tasks that are finished.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from data_prep.settings import add_flags, from_flags
from pipeline.glue.settings import GlueSettings
from pipeline.glue.task_table import task_table
from pipeline.glue.tasks import holds_sample_tasks, select_tasks

_EPILOG = """example:
  mnemosyne glue --checkpoint runs/tiny --glue_dir glue --tasks CoLA,SST-2 --output scores

writes results.json, results.md, predictions/TASK-seedN.tsv, models/TASK, submission/TASK.tsv with
the answers to test.tsv, submission.zip once all eleven files are there, and rejects.jsonl where
rows were bad. Run again, it skips finished tasks and seeds; with other settings it refuses.

  mnemosyne glue --list_tasks
  mnemosyne glue --check_submission scores/submission.zip
"""


class _ListTasks(argparse.Action):
    """Prints the table of tasks and exits, as --help does."""

    def __call__(self, parser, namespace, values, option_string=None):  # noqa: D102
        print(task_table())
        parser.exit()


class _CheckSubmission(argparse.Action):
    """Checks a zip and exits: 0 if it can be submitted, 1 otherwise."""

    def __call__(self, parser, namespace, values, option_string=None):  # noqa: D102
        from pipeline.glue.submission.validator import FORMATS, check_submission

        problems = check_submission(values)
        rows = sum(form.rows for form in FORMATS.values())
        verdict = f"valid, {len(FORMATS)} files with {rows:,} rows"
        if problems:
            verdict = f"cannot be submitted, {len(problems)} problems"
        print("\n".join([*problems, f"{values}: {verdict}"]))
        parser.exit(1 if problems else 0)


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
        help="output of 'mnemosyne pretrain' for its newest checkpoint, DIR/checkpoints/best, or a "
        "model folder of 'mnemosyne import'",
    )
    add("--glue_dir", required=True, metavar="DIR", help="folder with one folder per task")
    add("--output", required=True, metavar="DIR", help="folder for the scores")
    add(
        "--random_init",
        action="store_true",
        help="start from random weights of the checkpoint's sizes, for comparison",
    )
    add("--list_tasks", action=_ListTasks, nargs=0, help="print tasks and their defaults, exit")
    add(
        "--check_submission",
        action=_CheckSubmission,
        metavar="ZIP",
        help="check a zip against the format of the benchmark, exit",
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
