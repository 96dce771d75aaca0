"""`mnemosyne bench finetune`: examples fine-tuned per CPU second, ours and other libraries'."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from pipeline.commands.bench import side_by_side_flags
from pipeline.lab import figures_file
from pipeline.lab.side_by_side import peers

_SIZES = ("tiny", "mini", "small", "medium", "base", "large")
_PEERS = ("keras_hub", "hf_tf")
_EPILOG = f"""example:
  mnemosyne bench finetune --glue_dir glue --vocab_file vocab.txt --tasks SST-2 MRPC \\
      --keras_hub peers/keras_hub/bin/python --hf_tf peers/hf_tf/bin/python

Every program fine-tunes the same BERT with random weights and AdamW on the training texts of the
same tasks, on one core, as its users do: ours batches of like length; Hugging Face random batches,
each padded to its longest example; keras-hub all padded to --max_seq_length, as its preprocessor
does. All are alive at the same time and make --steps steps in turn. CPU time counts, user and
system; ratios are of turns of the same round.

{peers.how_to_get(*_PEERS)}
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the flags of the suite."""
    parser = side_by_side_flags.parser(
        "finetune", "Compare fine-tuning by CPU time, on texts of their real lengths.", _EPILOG
    )
    add = parser.add_argument
    add("--glue_dir", required=True, metavar="DIR", help="folder with one folder per task")
    add("--vocab_file", required=True, metavar="FILE", help="a lower-cased vocabulary")
    add("--tasks", nargs="+", default=["SST-2", "MRPC"], help="of classes (SST-2 MRPC)")
    add("--size", choices=_SIZES, default="mini", help="of BERT (%(default)s)")
    add("--dropout", type=float, default=0.1, help="probability (%(default)s)")
    add("--batch_size", type=int, default=32, help="examples a step (%(default)s)")
    add("--max_seq_length", type=int, default=128, help="tokens an example (%(default)s)")
    side_by_side_flags.add_peers(parser, _PEERS)
    side_by_side_flags.add_turns(parser, rounds=5, steps=32)
    side_by_side_flags.add_output(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints the tables, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense, a program failed or trains something else.
        FileNotFoundError: a Python or a file does not exist.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    from pipeline.lab.finetune_speed import story

    flags = vars(args)
    output = flags.pop("output")
    story.run(story.Settings(**flags), output)
    return 0


def _check(args: argparse.Namespace) -> None:
    figures_file.check_folders({"output": args.output})
    side_by_side_flags.check_at_least_1(args, "batch_size", "rounds", "steps")
    if not 5 <= args.max_seq_length <= 512:
        raise ValueError(f"--max_seq_length: expected 5 to 512, received {args.max_seq_length}.")
    if not 0 <= args.dropout < 1:
        raise ValueError(f"--dropout: expected from 0 to below 1, received {args.dropout}.")
    peers.check(args)
    if not os.path.isfile(args.vocab_file):
        raise FileNotFoundError(f"--vocab_file {args.vocab_file}: expected a file, there is none.")
