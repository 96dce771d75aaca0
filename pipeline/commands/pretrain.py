"""`mnemosyne pretrain`: trains a BERT or a T5 from a recipe and records, or continues to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pipeline.recipes import loader
from pipeline.recipes.sections import OPTIMIZERS

_EXAMPLE = f"""example:
  mnemosyne pretrain --recipe bert_tiny_sample --data runs/sample/data --output runs/sample/pretrain
  mnemosyne pretrain --recipe bert_tiny_sample --data DIR --output DIR \\
      --set optimizer.name=adamw --set optimizer.learning_rate=1e-3

optimizer.name is one of {", ".join(OPTIMIZERS[:5])},
{", ".join(OPTIMIZERS[5:])}.

A finished run is trained longer by running it again with a larger --set train.num_train_steps=N;
from there on its learning rates are those of a run of N steps.

Before a long run: --dry_run. On several devices, machines or a TPU: docs/distributed.md. Where
memory is not enough: --set train.micro_batch_size=N, the sequences that a device handles at a time.

Every kind of record is read, those of span corruption with a recipe t5_*. Unmasked ones (prepare
--masking dynamic) are masked anew in each epoch, as the recipe says under 'prepare'. Of records in
bins a run reads those of one length, --set prepare.max_seq_length=128; a second phase on longer
ones begins with the weights of the first: --set prepare.max_seq_length=512
--set train.initial_run=FIRST_OUTPUT"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the command's parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne pretrain",
        description="Pre-train BERT or T5 on records of 'mnemosyne prepare'; run again to go on.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--recipe", required=True, help="a recipe's name ('mnemosyne recipe' lists them) or file")
    add("--data", required=True, metavar="DIR", help="output folder of 'mnemosyne prepare'")
    add("--output", required=True, metavar="DIR", help="folder of this run")
    add(
        "--dry_run",
        action="store_true",
        help="print parameters, memory, batch, length and time, measured on a few steps; nothing "
        "is written",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override one setting of the recipe; repeatable",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Trains, and returns 0 when the run is complete or a signal stopped it, 1 if it diverged."""
    args = build_parser().parse_args(argv)
    recipe = loader.load_recipe(args.recipe, args.set)
    # Only now: TensorFlow takes seconds, and --help and a wrong recipe need none of it.
    from pipeline.dry_run import dry_run
    from pipeline.pretrain import pretrain
    from pipeline.run import worker_group
    from pipeline.run.stop_signals import RunStopped
    from pipeline.run.watching.progress import heldout_text

    try:
        with worker_group.as_member():
            if args.dry_run:
                print(dry_run(recipe, data_dir=args.data, output_dir=args.output))
                return 0
            figures = pretrain(recipe, data_dir=args.data, output_dir=args.output)
    except RunStopped as stopped:
        print(f"pretrain: {stopped}")
        return 0
    except (FloatingPointError, worker_group.LostWorkerError) as error:
        print(f"mnemosyne pretrain: {error}", file=sys.stderr)
        return 1
    if not worker_group.from_environment().is_chief:
        return 0
    print(f"pretrain: step {figures['step']:,}, held-out {heldout_text(figures)}")
    if figures["skipped_steps"]:
        print(f"pretrain: {figures['skipped_steps']} steps had gradients that were not finite")
    return 0
