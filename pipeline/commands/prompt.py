"""`mnemosyne prompt`: trains soft prompts for a frozen model and scores them on GLUE tasks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from data_prep.settings import add_flags, from_flags
from pipeline.glue.tasks import holds_sample_tasks, select_tasks
from pipeline.prompts.settings import PromptSettings

_EPILOG = """example:
  mnemosyne prompt --checkpoint models/minilm --glue_dir glue --tasks SST-2,RTE --output prompts
  mnemosyne prompt --checkpoint runs/tiny --task_file my_task.yaml --prompt_length 50 --output mine
  mnemosyne predict --checkpoint prompts/prompts/SST-2-seed0 --input in.tsv --output labels.tsv

The model stays as it is; --prompt_length vectors before the text are trained, with a linear layer
for a BERT; a T5 answers with the words of a class. Its folder holds config.json, safetensors, and
spiece.model or vocab.txt.
Writes results.json, results.md, predictions/TASK-seedN.tsv and prompts/TASK-seedN, each some
kilobytes; test files are left to 'mnemosyne predict'. Run again, it skips finished tasks and seeds;
with other settings it refuses.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser; most flags and their defaults are those of `PromptSettings`."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne prompt",
        description="Train soft prompts for a frozen model and score them on the dev sets.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--checkpoint",
        required=True,
        metavar="DIR",
        help="the model that stays frozen: output of 'mnemosyne pretrain', or a model folder of "
        "'mnemosyne import', or a Hugging Face folder of a T5 1.1",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--glue_dir", metavar="DIR", help="folder with one folder per task of GLUE")
    what.add_argument("--task_file", metavar="FILE.yaml", help="your own task, as for 'glue'")
    add("--output", required=True, metavar="DIR", help="folder for scores and prompts")
    add_flags(parser, PromptSettings)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or 1 when a prompt diverged.

    Raises:
      FileNotFoundError: If a folder or a needed file is missing.
      ValueError: If a flag or a file is malformed, or the output folder holds results of other
        settings.
    """
    args = build_parser().parse_args(argv)
    settings = from_flags(PromptSettings, args)
    if args.task_file and settings.tasks != PromptSettings().tasks:
        raise ValueError("--task_file: expected no --tasks, received some")
    tasks = select_tasks(args.glue_dir, settings.tasks) if args.glue_dir else ()
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.glue.own_task import read_own_task
    from pipeline.glue.reader import read_task
    from pipeline.glue.results import convention
    from pipeline.glue.results.not_run import tasks_not_run
    from pipeline.prompts.story import tune_prompts

    if args.task_file:
        task_to_data, kind, not_run = dict([read_own_task(args.task_file)]), convention.OWN, ()
    else:
        is_sample = holds_sample_tasks(args.glue_dir)
        task_to_data = {task: read_task(task, args.glue_dir) for task in tasks}
        kind = convention.SAMPLE if is_sample else convention.GLUE
        not_run = tasks_not_run(args.glue_dir, tasks, sample_tasks=is_sample, with_prompts=True)
    return tune_prompts(
        task_to_data,
        settings,
        checkpoint=args.checkpoint,
        output=args.output,
        kind=kind,
        not_run=not_run,
    )
