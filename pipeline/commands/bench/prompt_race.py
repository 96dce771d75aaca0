"""`mnemosyne bench prompt_race`: optimizers on soft prompts, compared by the scores of tasks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.commands.bench import race_flags

_EPILOG = """example:
  mnemosyne bench prompt_race --checkpoints models/minilm --glue_dir glue \\
      --runs prompt_runs.jsonl --output prompt_race.json
  mnemosyne bench prompt_race --checkpoints models/minilm runs/tiny --glue_dir glue \\
      --tasks SST-2,RTE --prompt_lengths 10

Every run is one task and seed of `mnemosyne prompt`. Mnemosyne has no rate to set. AdamW and
Adafactor run at six rates from --sweep_seeds seeds, with prompts of the shortest length alone;
where the best score stands at an end, the sweep continues. The best rate then runs from all
--seeds, and at the other lengths, too: they have no sweep of their own. Adafactor runs at 0.3, the
rate of the prompt-tuning paper, as well. Finished runs are never made again.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench prompt_race",
        description="Compare Mnemosyne, untuned, with AdamW and Adafactor on soft prompts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--checkpoints", nargs="+", required=True, metavar="DIR", help="models that stay frozen")
    add("--glue_dir", required=True, metavar="DIR", help="folder with one folder per task")
    add(
        "--tasks",
        default="SST-2,MRPC,RTE,STS-B",
        metavar="NAMES",
        help="as of `mnemosyne prompt` (%(default)s)",
    )
    add(
        "--prompt_lengths",
        nargs="+",
        type=int,
        default=[10, 50],
        metavar="N",
        help="vectors; rates are swept at the smallest number of them (10 50)",
    )
    add(
        "--max_train_examples",
        type=int,
        default=500,
        help="drawn of each task with the seed; 0 for all (%(default)s)",
    )
    add(
        "--max_dev_examples",
        type=int,
        default=400,
        help="drawn of each dev set, the same for all runs; 0 for all (%(default)s)",
    )
    add("--num_train_epochs", type=float, default=2.0, help="of each run (%(default)s)")
    add("--batch_size", type=int, default=8, help="examples a step (%(default)s)")
    add("--max_seq_length", type=int, default=64, help="tokens of a text (%(default)s)")
    race_flags.add_runs(parser)
    add("--output", metavar="FILE.json", help="also write all figures here")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the comparison and returns 0.

    Raises:
      ValueError: a flag makes no sense.
      FileNotFoundError: a file or folder does not exist.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    # Only now: TensorFlow takes seconds, and --help and bad flags need none of it.
    from pipeline.glue.tasks import select_tasks
    from pipeline.lab import figures_file
    from pipeline.lab.prompt_race import story
    from pipeline.prompts.settings import PromptSettings

    figures_file.check_folders({"output": args.output})
    names = ("num_train_epochs", "batch_size", "max_seq_length", "max_train_examples", "seeds")
    story.run(
        PromptSettings(**{name: getattr(args, name) for name in names}),
        select_tasks(args.glue_dir, args.tasks),
        checkpoints=args.checkpoints,
        glue_dir=args.glue_dir,
        prompt_lengths=args.prompt_lengths,
        max_dev_examples=args.max_dev_examples,
        sweep_seeds=args.sweep_seeds,
        runs=args.runs,
        output=args.output,
    )
    return 0


def _check(args: argparse.Namespace) -> None:
    """Raises ValueError for what `PromptSettings` does not know."""
    for name, lowest in (("sweep_seeds", 1), ("max_dev_examples", 0)):
        if getattr(args, name) < lowest:
            raise ValueError(
                f"--{name}: expected {lowest} or more, received {getattr(args, name)}."
            )
    if min(args.prompt_lengths) < 1:
        raise ValueError(
            f"--prompt_lengths: expected 1 or more, received {min(args.prompt_lengths)}."
        )
    for name in ("checkpoints", "prompt_lengths"):
        values = getattr(args, name)
        if len(set(values)) < len(values):
            raise ValueError(f"--{name}: expected different ones, received {values}.")
