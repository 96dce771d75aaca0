"""`mnemosyne glue`: fine-tunes and scores GLUE tasks, one after the other.

A pre-training run folder and a folder of GLUE tasks go in; a table of scores on the dev sets comes
out. Run again, it skips the tasks that are finished.
"""

from __future__ import annotations

import argparse
import dataclasses
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

  mnemosyne glue --checkpoint runs/tiny --task_file my_task.yaml --output scores
  mnemosyne glue --checkpoint runs/tiny --glue_dir glue --tasks RTE --output curve --watch

Your own task is a YAML that names its files, columns and labels, see docs/using_a_model.md.

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
        usage="mnemosyne glue --checkpoint DIR (--glue_dir DIR | --task_file FILE.yaml) "
        "--output DIR [options]\n       mnemosyne glue --list_tasks\n"
        "       mnemosyne glue --check_submission ZIP",
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
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--glue_dir", metavar="DIR", help="folder with one folder per task of GLUE")
    what.add_argument("--task_file", metavar="FILE.yaml", help="your own task, see below")
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
    add(
        "--watch",
        action="store_true",
        help="score each new checkpoint of the run until it is complete, in OUTPUT/step-N; no "
        "models are kept",
    )
    add(
        "--watch_interval",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="between two checks for a new checkpoint (%(default)s)",
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
    if not args.watch_interval > 0:
        raise ValueError(f"--watch_interval: expected more than 0, received {args.watch_interval}")
    if args.task_file:
        return _fine_tune(args, settings, *_own_task(args, settings))
    tasks = select_tasks(args.glue_dir, args.tasks)
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.glue.reader import read_task
    from pipeline.glue.results import convention
    from pipeline.glue.results.not_run import tasks_not_run

    is_sample = holds_sample_tasks(args.glue_dir)
    return _fine_tune(
        args,
        settings,
        {task: read_task(task, args.glue_dir) for task in tasks},
        convention.SAMPLE if is_sample else convention.GLUE,
        tasks_not_run(args.glue_dir, tasks, sample_tasks=is_sample),
    )


def _own_task(args: argparse.Namespace, settings: GlueSettings) -> tuple:
    """The user's task with its examples, and the kind of task that it is."""
    if settings.tasks != GlueSettings().tasks or settings.from_mnli:
        raise ValueError("--task_file: expected neither --tasks nor --from_mnli, received one")
    from pipeline.glue.own_task import read_own_task
    from pipeline.glue.results import convention

    task, data = read_own_task(args.task_file)
    return {task: data}, convention.OWN


def _fine_tune(
    args: argparse.Namespace, settings: GlueSettings, task_to_data, kind: str, not_run=()
) -> int:
    from pipeline.glue.finetune import finetune

    if args.watch:
        settings = dataclasses.replace(settings, keep_models="none")

    def score(checkpoint, output):
        return finetune(
            task_to_data,
            settings,
            checkpoint=checkpoint,
            output=output,
            kind=kind,
            not_run=not_run,
            random_init=args.random_init,
        )

    if not args.watch:
        return score(args.checkpoint, args.output)
    from pipeline.glue.watch.story import watch

    data = {task.name: data.sha256 for task, data in task_to_data.items()}
    return watch(
        args.checkpoint,
        args.output,
        score,
        settings={**settings.fixed(), "data": data},
        interval=args.watch_interval,
    )
