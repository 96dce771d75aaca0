"""`mnemosyne bench optimizer`: what an update costs, and where optimizers end on the same task."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pipeline.lab import figures_file
from pipeline.lab.cost import command, tpu_aot
from pipeline.lab.races import race

_SIZES = ("tiny", "mini", "small", "medium", "base", "large")
_EPILOG = """example:
  mnemosyne bench optimizer --cost
  mnemosyne bench optimizer --cost --sizes tiny mini base --output cost.json
  mnemosyne bench optimizer --suite vision --fashion_mnist DIR --plot race.png --output race.json
  mnemosyne bench optimizer --suite bert --text 'novels/*.txt::file' 'news/*.txt'
  mnemosyne bench optimizer --suite all --seeds 3 --runs races
  mnemosyne bench optimizer --suite gate --candidate runs/meta/meta_params.npz --text 'novels/*'
  mnemosyne bench optimizer --suite transfer --seeds 1 --output transfer.json
  mnemosyne bench optimizer --suite horizon --candidate runs/rates/meta_params.npz
  mnemosyne bench optimizer --tpu_aot --tpu v4 --sizes tiny base

--suite: every optimizer trains every task, rivals at six rates with warm-up and linear decay (one
seed, --sweep_seeds), the best of them by held-out loss from all --seeds; where it stands at an end
of the six the sweep goes on. Mnemosyne has none to set; "mnemosyne()" is not even told the number
of steps. A BERT's race counts where AdamW ends 0.3 nats below the unigram plateau. Finished runs
are kept in --runs and never run again. --suite gate: all these tasks for AdamW, the nominal rule
swept, Mnemosyne as it ships (or --against) and a --candidate, with a verdict whether that may ship,
also left beside its file as NAME.gate.json.
--suite transfer: a small BERT and four that are wider, deeper, with larger batches or longer runs;
Mnemosyne as it is against the nominal rule at its best swept rates at each, with AdamW beside them.
--suite horizon: 12,000 steps of Mnemosyne alone, and whether they end where they got to.

--tpu_aot: one step of 16 x 128 tokens, all parts of the optimizer in it, is compiled for a TPU that
need not be there; nothing runs. Needs the extra: pip install 'mnemosyne-bert[tpu]'.

--cost: all times are CPU seconds of one process, the median of --repeats updates taken by turns.
Run it under `taskset -c 0` for one core. "trained heads" are random ones, which cost what trained
ones would; with the shipped heads of zeros encoder and memory are left out. "trained heads" compile
for half a minute, coordinate-wise state is 274 floats a weight. What would exceed --max_minutes at
the measured rate of products, --max_gb or --max_state_gb is left out, and the table says so; larger
sizes want few --variants, or higher limits. Variants: default; no orthogonalisation; trained heads;
trained heads, no orthogonalisation; trained heads, no memory; trained heads, performer; trained
heads, coordinate-wise. The share of a BERT-base step comes from timing one variable of each kind
and from the floating-point operations of the step at the measured rate of matrix products; no whole
step is run.
"""


def build_parser() -> argparse.ArgumentParser:
    """The flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench optimizer",
        description="Measure the optimizer's updates.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--cost", action="store_true", help="time, memory and state of an update")
    what.add_argument("--suite", choices=race.SUITES, help="race all optimizers on these tasks")
    what.add_argument("--tpu_aot", action="store_true", help="compile a training step for a TPU")
    add("--sizes", nargs="+", choices=_SIZES, default=["tiny"], help="of BERT (tiny)")
    command.add_flags(parser)
    race.add_flags(parser)
    tpu_aot.add_flags(parser)
    add("--output", metavar="FILE.json", help="also write all figures here")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what was asked for; returns 0.

    Raises:
        ValueError: a flag makes no sense.
        FileNotFoundError: the folder of a file to write is not there.
    """
    args = build_parser().parse_args(argv)
    figures_file.check_folders(args, ("output", "plot", "history"))
    if args.suite:
        return race.main(args)
    return tpu_aot.main(args) if args.tpu_aot else command.main(args)
