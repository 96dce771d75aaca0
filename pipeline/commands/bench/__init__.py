"""`mnemosyne bench SUITE`: measurements and comparisons, each a command with its own flags."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence

SUITES = {
    "race": "every optimizer on every task, baselines swept",
    "gate": "whether meta-parameters of a file may replace the released ones",
    "transfer": "the released parameters at other widths, depths, batches and lengths",
    "horizon": "whether a very long run diverges",
    "results": "write the page and the picture of results from finished runs",
    "cost": "time, memory and state of an optimizer's update",
    "memory": "patterns recalled by the optimizer's memory",
    "prepare": "records made per CPU second",
    "vit": "steps of large vision transformers: memory and time",
    "vit_race": "vision transformers by accuracy, baselines swept",
    "prompt": "prompt steps of large T5 models: memory, time, compiled for a TPU",
    "prompt_race": "soft prompts by score, baselines swept",
    "vit_speed": "images fine-tuned per CPU second",
    "train": "training steps per CPU second",
    "finetune": "examples fine-tuned per CPU second",
}

_EPILOG = """example:
  mnemosyne bench race --tasks vision --plot race.png
  mnemosyne bench cost --sizes tiny mini
  mnemosyne bench prepare --help
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the suite that is named first and returns its exit code."""
    width = max(map(len, SUITES))
    suites = "\n".join(f"  {name:<{width}}  {purpose}" for name, purpose in SUITES.items())
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench",
        description=f"Measure and compare. Suites, each with its own --help:\n\n{suites}",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("suite", choices=SUITES, metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("flags", nargs=argparse.REMAINDER, help="of the suite")
    args = parser.parse_args(argv)
    return importlib.import_module(f"pipeline.commands.bench.{args.suite}").main(args.flags)
