"""`mnemosyne vocab`: a corpus to a WordPiece vocabulary, with word counts by Beam."""

from __future__ import annotations

import argparse
import collections
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from data_prep import command_line, input_files, storage
from data_prep.clean_lines import FileRange

_EXAMPLE = """\
example:
  mnemosyne vocab --input 'articles/*.txt.xz' --output vocab.txt --vocab_size 8000

Globs and layouts as in `mnemosyne prepare`. Give the same --do_lower_case there.
"""
_WORDS_PER_CHUNK = 200_000


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne vocab",
        description="Learn a WordPiece vocabulary.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command_line.add_corpus_flags(parser)
    parser.add_argument("--output", required=True, metavar="FILE", help="vocabulary to write")
    parser.add_argument("--vocab_size", type=int, default=30_522, help="entries (default 30522)")
    parser.add_argument(
        "--do_lower_case", **command_line.boolean(True), help="lower case, no accents (true)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or raises ValueError or OSError over what the user gave."""
    parser = build_parser()
    flags, beam_flags = parser.parse_known_args(argv)
    command_line.check_beam_flags(parser, beam_flags)
    if flags.vocab_size < 1:
        raise ValueError(f"Expected --vocab_size of at least 1, received {flags.vocab_size}.")
    files = input_files.find_input_files(flags.input)
    _check_output(flags.output)
    units = input_files.plan_work(files, text_field=flags.text_field)
    started = time.monotonic()
    _run_pipeline(units, flags, beam_flags)
    seconds = time.monotonic() - started
    entries = storage.read_whole(flags.output).count(b"\n")
    if entries < flags.vocab_size:
        print(f"the corpus gives no more than {entries:,} of {flags.vocab_size:,} entries")
    megabytes = sum(file.size for file in files) / 1e6
    print(f"{entries:,} entries from {megabytes:,.1f} MB in {seconds:,.1f} s: {flags.output}")
    return 0


def _check_output(path: str) -> None:
    """Fails before the work is done, not after it."""
    try:
        storage.make_folder(os.path.dirname(path) or ".")
        storage.write_whole(f"{path}.probe", b"")
        storage.remove(f"{path}.probe")
    except OSError as error:
        raise OSError(
            f"--output {path}: expected a file that can be written, received "
            f"'{error.strerror or error}'. Choose another --output or change its permissions."
        ) from error


def _run_pipeline(
    units: Sequence[Sequence[FileRange]], flags: argparse.Namespace, beam_flags: Sequence[str]
) -> None:
    beam = command_line.import_beam()
    with command_line.beam_pipeline(beam_flags) as pipeline:
        _ = (
            pipeline
            | "Units of work" >> beam.Create(list(units), reshuffle=False)
            | "Count words" >> beam.FlatMap(count_unit, do_lower_case=flags.do_lower_case)
            | "Add counts" >> beam.CombinePerKey(sum)
            | "Pack counts" >> beam.MapTuple(lambda word, count: ("", (word, count)))
            | "Bring counts together" >> beam.GroupByKey()
            | "Learn vocabulary"
            >> beam.MapTuple(
                lambda _, counts, path, size: write_vocabulary(counts, path, size),
                path=flags.output,
                size=flags.vocab_size,
            )
        )


def count_unit(unit: Sequence[FileRange], do_lower_case: bool) -> Iterator[tuple[str, int]]:
    """Yields (word, count) of the documents of one unit of work."""
    from data_prep.documents import DocumentReader
    from data_prep.word_counts import count_words

    total: collections.Counter[str] = collections.Counter()
    for file_range in unit:
        for document in DocumentReader(file_range):
            total.update(count_words(document, do_lower_case=do_lower_case))
    yield from total.items()


def write_vocabulary(counts: Iterable[tuple[str, int]], path: str, vocab_size: int) -> None:
    """Learns the vocabulary and writes it, one entry a line."""
    from data_prep.vocabulary_learner import learn_vocabulary

    vocabulary = learn_vocabulary(dict(counts), vocab_size)
    storage.write_whole(path, "".join(f"{entry}\n" for entry in vocabulary).encode("utf-8"))
