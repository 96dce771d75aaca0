"""The story of `mnemosyne bench prepare`: records made per CPU second, by us and by others."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import tempfile
from collections.abc import Sequence

from pipeline.lab.prepare import processor, table
from pipeline.lab.prepare.google_bert import SCRIPT
from pipeline.lab.prepare.program import Contestant, Measurement, run_measured, run_module

OURS, OURS_SPLITTING = "mnemosyne", "mnemosyne, splitting"
IDIOMATIC, GOOGLE = "idiomatic Beam", "google-research/bert"


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings of the measurement; each is a flag of the same name.

    Attributes:
        input: `GLOB` or `GLOB::LAYOUT` each.
        vocab_file: WordPiece vocabulary.
        google_bert: folder of google-research/bert's package, or None.
        megabytes, google_megabytes: text to read, in MB of 10**6 bytes.
        max_seq_length, dupe_factor: every combination is measured.
        repeats: runs of each, of which the median counts.
        core: number of the core; None is the last one.
        scratch: folder for samples and records; None is the system's.
    """

    input: Sequence[str]
    vocab_file: str
    google_bert: str | None = None
    megabytes: float = 20
    google_megabytes: float = 2
    max_seq_length: Sequence[int] = (128, 512)
    dupe_factor: Sequence[int] = (1, 10)
    repeats: int = 1
    core: int | None = None
    scratch: str | None = None


def run(settings: Settings, output: str | None = None) -> None:
    """Prints the table and writes the JSON.

    Args:
        settings: of the measurement.
        output: JSON to write, or None.

    Raises:
        ValueError: a program failed.
    """
    core = max(os.sched_getaffinity(0)) if settings.core is None else settings.core
    print(f"processor: {processor.name()}, core {core}")
    with tempfile.TemporaryDirectory(dir=settings.scratch) as scratch:
        texts = _texts(settings, scratch)
        cases = [
            _case(settings, texts, length, dupe, core=core, scratch=scratch)
            for length, dupe in itertools.product(settings.max_seq_length, settings.dupe_factor)
        ]
    print(table.table(cases))
    if output:
        table.save(output, cases, settings=dataclasses.asdict(settings), core=core)
    print(table.last_line(cases, ours=(OURS, OURS_SPLITTING)))


def _case(
    settings: Settings,
    texts: dict[Contestant, str],
    length: int,
    dupe: int,
    *,
    core: int,
    scratch: str,
) -> dict:
    """Measures all programs with one length and one factor."""
    flags = [
        f"--vocab_file={settings.vocab_file}",
        f"--max_seq_length={length}",
        f"--max_predictions_per_seq={-(-length * 15 // 100)}",
        f"--dupe_factor={dupe}",
    ]
    runs: dict[str, list[Measurement]] = {each.name: [] for each in texts}
    # In turn, so that a busy spell of the machine does not fall on one of them.
    for turn, contestant in itertools.product(range(settings.repeats), texts):
        print(f"{length} tokens x {dupe}, {contestant.name}, run {turn + 1}", file=sys.stderr)
        text = texts[contestant]
        measured = run_measured(contestant, flags, text=text, core=core, scratch=scratch)
        runs[contestant.name].append(measured)
    return table.case(length, dupe, runs, ours=OURS)


def _texts(settings: Settings, scratch: str) -> dict[Contestant, str]:
    """Returns the contestants, and the file each of them reads."""
    sentences = _sample(settings, scratch, "split", settings.megabytes)
    texts = {
        _ours(OURS, "given"): sentences,
        _ours(OURS_SPLITTING, "split"): _sample(settings, scratch, "given", settings.megabytes),
        Contestant(
            IDIOMATIC,
            "data_prep.benchmarks.idiomatic_beam",
            ("tensorflow", "tensorflow_text", "google_crc32c"),
        ): sentences,
    }
    if settings.google_bert:
        google = Contestant(
            GOOGLE,
            "pipeline.lab.prepare.google_bert",
            (SCRIPT, "tensorflow.compat.v1"),
            python_path=settings.google_bert,
        )
        texts[google] = _sample(
            settings, scratch, "split", min(settings.google_megabytes, settings.megabytes)
        )
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


def _sample(settings: Settings, scratch: str, sentences: str, megabytes: float) -> str:
    path = os.path.join(scratch, f"{sentences}-{megabytes:g}.txt")
    flags = [f"--input={each}" for each in settings.input]
    flags += [f"--sentences={sentences}", f"--bytes={int(megabytes * 1e6)}", f"--output={path}"]
    run_module("data_prep.benchmarks.text_sample", flags)
    return path
