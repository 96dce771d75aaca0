"""`mnemosyne bench prepare`: records made per core second, by us and by others, from one text."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from collections.abc import Sequence

from pipeline.lab import figures_file
from pipeline.lab.prepare import table
from pipeline.lab.prepare.google_bert import SCRIPT
from pipeline.lab.prepare.program import Contestant, Measurement, run, run_module

OURS, OURS_SPLITTING = "mnemosyne", "mnemosyne, splitting"
IDIOMATIC, GOOGLE = "idiomatic Beam", "google-research/bert"

_HOW_TO_GET_GOOGLE = (
    "`pip download --no-deps bert-tensorflow==1.0.4`, unzip the wheel, `pip install six`"
)
_EPILOG = f"""example:
  mnemosyne bench prepare --input 'articles/*.txt.xz' --vocab_file vocab.txt \\
      --google_bert DIR --output bench.json
  mnemosyne bench prepare --input 'articles/*.txt.xz' --vocab_file vocab.txt \\
      --max_seq_length 128 --dupe_factor 1 --repeats 3

Every contestant reads the same text, a sentence a line, in a process of its own on one core. What
counts is its CPU time after its imports; everything else is in it, loading the vocabulary too.
"{OURS_SPLITTING}" reads whole paragraphs and finds the sentences itself, which the others cannot.

google-research/bert is one of them if you have it: DIR is the folder with its package `bert`.
{_HOW_TO_GET_GOOGLE}.
It takes its time, so it gets the first --google_megabytes of the text; rates are compared.
"""


def build_parser() -> argparse.ArgumentParser:
    """The flags of the suite."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne bench prepare",
        description="Compare data preparation by CPU time, on one core.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--input", required=True, action="append", metavar="GLOB[::LAYOUT]", help="see prepare")
    add("--vocab_file", required=True, help="WordPiece vocabulary, one entry a line")
    add("--output", metavar="FILE.json", help="also write all figures here")
    add("--google_bert", metavar="DIR", help="folder of google-research/bert's package (left out)")
    add("--megabytes", type=float, default=20, help="text to use, in MB (%(default)s)")
    add("--google_megabytes", type=float, default=2, help="text google's gets, in MB (%(default)s)")
    add("--max_seq_length", type=int, nargs="+", default=[128, 512], help="(128 512)")
    add("--dupe_factor", type=int, nargs="+", default=[1, 10], help="(1 10)")
    add("--repeats", type=int, default=1, help="runs of each, of which the median (%(default)s)")
    add("--core", type=int, help="number of the core to use (the last one)")
    add("--scratch", metavar="DIR", help="where to put samples and records (the system's)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table, writes the JSON; returns 0.

    Raises:
        ValueError: a flag makes no sense, or a contestant failed.
        FileNotFoundError: there is no such input, vocabulary or package.
    """
    args = build_parser().parse_args(argv)
    _check(args)
    core = max(os.sched_getaffinity(0)) if args.core is None else args.core
    if not args.google_bert:
        print(f"{GOOGLE} is left out. To have it: --google_bert DIR, see --help.")
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
        texts = _texts(args, scratch)
        cases = []
        for length, dupe in itertools.product(args.max_seq_length, args.dupe_factor):
            flags = [
                f"--vocab_file={args.vocab_file}",
                f"--max_seq_length={length}",
                f"--max_predictions_per_seq={-(-length * 15 // 100)}",
                f"--dupe_factor={dupe}",
            ]
            runs: dict[str, list[Measurement]] = {each.name: [] for each in texts}
            # By turns, so that a busy spell of the machine does not fall on one of them.
            for turn, contestant in itertools.product(range(args.repeats), texts):
                print(
                    f"{length} tokens x {dupe}, {contestant.name}, run {turn + 1}", file=sys.stderr
                )
                text = texts[contestant]
                measured = run(contestant, flags, text=text, core=core, scratch=scratch)
                runs[contestant.name].append(measured)
            cases.append(table.case(length, dupe, runs, ours=OURS))
    print(table.table(cases))
    if args.output:
        table.save(args.output, cases, settings=vars(args), core=core)
    print(table.last_line(cases, ours=OURS))
    return 0


def _check(args: argparse.Namespace) -> None:
    for name in ("megabytes", "google_megabytes", "repeats"):
        if getattr(args, name) <= 0:
            raise ValueError(f"--{name}: expected more than 0, received {getattr(args, name)}.")
    figures_file.check_folders(args, ("output",))
    cores = os.sched_getaffinity(0)
    if args.core is not None and args.core not in cores:
        raise ValueError(f"--core: expected one of {sorted(cores)}, received {args.core}.")
    if not os.path.isfile(args.vocab_file):
        raise FileNotFoundError(
            f"{args.vocab_file}: expected a vocabulary file, but there is none. Make one with "
            "`mnemosyne vocab`."
        )
    script = os.path.join(args.google_bert or "", *SCRIPT.split(".")) + ".py"
    if args.google_bert and not os.path.isfile(script):
        raise FileNotFoundError(
            f"--google_bert: expected {script}, but there is none. Get it with: "
            f"{_HOW_TO_GET_GOOGLE}."
        )


def _texts(args: argparse.Namespace, scratch: str) -> dict[Contestant, str]:
    """Returns the contestants, and the file each of them reads."""
    sentences = _sample(args, scratch, "split", args.megabytes)
    texts = {
        _ours(OURS, "given"): sentences,
        _ours(OURS_SPLITTING, "split"): _sample(args, scratch, "given", args.megabytes),
        Contestant(
            IDIOMATIC,
            "data_prep.benchmarks.idiomatic_beam",
            ("tensorflow", "tensorflow_text", "google_crc32c"),
        ): sentences,
    }
    if args.google_bert:
        google = Contestant(
            GOOGLE,
            "pipeline.lab.prepare.google_bert",
            (SCRIPT, "tensorflow.compat.v1"),
            python_path=args.google_bert,
        )
        texts[google] = _sample(args, scratch, "split", min(args.google_megabytes, args.megabytes))
    return texts


def _ours(name: str, sentences: str) -> Contestant:
    return Contestant(
        name,
        "pipeline.cli",
        (
            *("tensorflow", "tensorflow_text", "data_prep.beam.transforms"),
            *("data_prep.create_pretraining_data", "blingfire", "google_crc32c", "zstandard"),
        ),
        flags=("prepare", f"--sentences={sentences}", "--heldout_fraction=0"),
    )


def _sample(args: argparse.Namespace, scratch: str, sentences: str, megabytes: float) -> str:
    path = os.path.join(scratch, f"{sentences}-{megabytes:g}.txt")
    flags = [f"--input={each}" for each in args.input]
    flags += [f"--sentences={sentences}", f"--bytes={int(megabytes * 1e6)}", f"--output={path}"]
    run_module("data_prep.benchmarks.text_sample", flags)
    return path
