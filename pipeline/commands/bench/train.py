"""`mnemosyne bench train`: training steps per CPU second, ours and other libraries'."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from pipeline.commands.bench import side_by_side_flags
from pipeline.lab import figures_file
from pipeline.lab.side_by_side import peers

_SIZES = ("tiny", "mini", "small", "medium", "base", "large")
_PEERS = ("keras_hub", "hf_tf", "hf_torch")
_EPILOG = f"""example:
  mnemosyne bench train --keras_hub peers/keras_hub/bin/python --hf_tf peers/hf_tf/bin/python
  mnemosyne bench train --baseline ../older_checkout --rounds 20 --output train.json
  mnemosyne bench train --sizes base --batch_size 8 --helped --mnemosyne --output base.json
  mnemosyne bench train --packed DATA_DIR --batch_size 8
  mnemosyne bench train --profile --baseline ../older_checkout

Every program trains the same BERT with masked-LM and next-sentence loss and AdamW on the same
batches, in a process of its own; all are alive at the same time and make steps in turn. What counts
is CPU time, user and system, which other programs on the machine lengthen less than the clock's.
Ratios are of turns of the same round. "of peak" are the useful floating-point operations of the
step over those of a float32 matrix product of oneDNN, measured in the same rounds.

{peers.how_to_get(*_PEERS)}
--helped adds a row for each: the masked-LM head on the masked positions alone where it is not so
anyway, XLA for Hugging Face TF, `torch.compile` for PyTorch, and an allocator that keeps its
memory, in large pages.

--profile says where the time of our step goes, and of the baseline's: TensorFlow's profiler times
the operations of the graph and of XLA's programs in --rounds steps, and the shortest time of each
counts. It times them by the clock: leave the core to it.

--packed trains on the first batches of finished records, as they are and with several short
sequences in a row, --batch_size rows a step, and compares tokens that are no padding. Length,
predictions and vocabulary are those of the records.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = side_by_side_flags.parser("train", "Compare training steps by CPU time.", _EPILOG)
    add = parser.add_argument
    add("--sizes", nargs="+", choices=_SIZES, default=["mini"], help="of BERT (mini)")
    add("--dropout", type=float, nargs="+", default=[0.1], help="probabilities (0.1)")
    add("--cores", nargs="+", choices=("one", "all"), default=["one"], help="(one)")
    add("--batch_size", type=int, default=32, help="sequences a step (%(default)s)")
    add("--max_seq_length", type=int, default=128, help="tokens a sequence (%(default)s)")
    add("--max_predictions_per_seq", type=int, default=20, help="(%(default)s)")
    add("--vocab_size", type=int, default=30_522, help="(%(default)s)")
    add("--baseline", metavar="DIR", help="another checkout of this project (not measured)")
    side_by_side_flags.add_peers(parser, _PEERS)
    add("--helped", action="store_true", help="measure helped variants, too")
    side_by_side_flags.add_turns(parser, rounds=7, steps=1)
    add("--profile", action="store_true", help="print the parts of our step instead, see below")
    add("--packed", metavar="DATA_DIR", help="compare packed rows of these records, see below")
    side_by_side_flags.add_output(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints the tables, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense, a program failed or trains something else.
        FileNotFoundError: a Python, the checkout or the folder of the file does not exist.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    from pipeline.lab.train_speed import packed, profile, story

    flags = vars(args)
    output, profiled, data_dir = (flags.pop(name) for name in ("output", "profile", "packed"))
    settings = story.Settings(**flags)
    if data_dir:
        packed.run(settings, data_dir, output)
    else:
        (profile if profiled else story).run(settings, output)
    return 0


def _check(args: argparse.Namespace) -> None:
    figures_file.check_folders({"output": args.output})
    if args.packed and args.profile:
        raise ValueError("--packed and --profile: expected one of them, received both.")
    side_by_side_flags.check_at_least_1(
        args, "batch_size", "max_predictions_per_seq", "rounds", "steps"
    )
    if not args.max_predictions_per_seq < args.max_seq_length <= 512:
        raise ValueError(
            f"--max_seq_length: expected more than the {args.max_predictions_per_seq} predictions "
            f"and at most 512, received {args.max_seq_length}."
        )
    for dropout in args.dropout:
        if not 0 <= dropout < 1:
            raise ValueError(f"--dropout: expected from 0 to below 1, received {dropout}.")
    peers.check(args)
    if args.baseline and not os.path.isfile(os.path.join(args.baseline, "pipeline", "cli.py")):
        raise FileNotFoundError(
            f"--baseline: expected a checkout of this project, received {args.baseline}, which has "
            "no pipeline/cli.py."
        )
