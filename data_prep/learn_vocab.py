"""`mnemosyne vocab`: a corpus to a WordPiece vocabulary, with word counts by Beam."""

from __future__ import annotations

import argparse
import collections
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from data_prep import storage
from data_prep.beam import command_flags
from data_prep.beam.worker_watchdog import WorkerDiedError
from data_prep.corpus import input_files
from data_prep.corpus.documents import DocumentReader
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.input_files import InputFile
from data_prep.recorded_settings import describe_differences
from data_prep.settings import VocabularySettings, from_flags
from data_prep.tokenizer.vocabulary_file import SETTINGS_SUFFIX
from data_prep.tokenizer.vocabulary_learner import learn_vocabulary, left_out
from data_prep.tokenizer.word_counts import count_words

_EXAMPLE = """\
example:
  mnemosyne vocab --input 'articles/*.txt.xz' --output vocab.txt --vocab_size 8000

Globs and layouts are those of `mnemosyne prepare`. FILE.json, written next to the vocabulary,
records the settings: `prepare` reads --do_lower_case from it and refuses the opposite, and this
command, run again, finds its work done.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne vocab",
        description="Learn a WordPiece vocabulary.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="vocabulary to write")
    command_flags.add_corpus_flags(parser, VocabularySettings)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or raises ValueError or OSError over what the user gave."""
    parser = build_parser()
    flags, beam_flags = parser.parse_known_args(argv)
    command_flags.check_beam_flags(parser, beam_flags, [*flags.input, flags.output])
    from_flags(VocabularySettings, flags)  # a value out of its range
    files = input_files.find_input_files(flags.input)
    settings = _settings(flags, files)
    if _is_complete(flags.output, settings):
        print(f"already complete: {flags.output}")
        return 0
    _check_output(flags.output)
    units = input_files.plan_work(files, text_field=flags.text_field)
    started = time.monotonic()
    try:
        counts = _count_words(units, flags, beam_flags)
    except WorkerDiedError as error:
        return command_flags.report_dead_worker(error)
    print(f"{len(counts):,} different words; learning", file=sys.stderr)
    try:
        vocabulary = learn_vocabulary(counts, flags.vocab_size, limit_alphabet=flags.limit_alphabet)
    except ValueError as error:
        raise ValueError(f"--input {' '.join(flags.input)}: {error}") from error
    _save(vocabulary, flags.output, settings)
    seconds = time.monotonic() - started
    for sentence in _remarks(vocabulary, counts, flags):
        print(sentence)
    megabytes = sum(file.size for file in files) / 1e6
    print(f"{len(vocabulary):,} entries, {megabytes:,.1f} MB, {seconds:,.1f} s: {flags.output}")
    return 0


def _remarks(
    vocabulary: Sequence[str], counts: dict[str, int], flags: argparse.Namespace
) -> Iterator[str]:
    """Yields what a reader of the result should know: a short vocabulary, words it cannot spell."""
    if len(vocabulary) < flags.vocab_size:
        yield (
            f"{len(vocabulary):,} entries, not {flags.vocab_size:,}: no two neighbouring pieces "
            "that are left occur twice in the corpus."
        )
    rest = left_out(counts, vocabulary)
    if rest.unknown_words:
        knob = "--limit_alphabet" if flags.limit_alphabet else "--vocab_size"
        yield (
            f"{rest.characters:,} characters have no entry where they occur, so "
            f"{rest.unknown_words / rest.words:.3%} of the words become [UNK]. A larger {knob} "
            "keeps more characters."
        )


def _settings(flags: argparse.Namespace, files: Sequence[InputFile]) -> dict[str, Any]:
    """Returns what decides the entries, as JSON values."""
    return {
        "input": flags.input,
        "input_digest": input_files.digest_of_files(files),
        "vocab_size": flags.vocab_size,
        "limit_alphabet": flags.limit_alphabet,
        "do_lower_case": flags.do_lower_case,
        "text_field": flags.text_field,
    }


def _is_complete(path: str, settings: dict[str, Any]) -> bool:
    """Says whether the vocabulary exists already, made with these settings.

    Raises:
        ValueError: it was made with other settings, changed since, or not made by this command.
    """
    if not storage.exists(path):
        return False
    if not storage.exists(path + SETTINGS_SUFFIX):
        raise ValueError(
            f"--output {path}: expected a new file, but there is one that `mnemosyne vocab` did "
            "not make. Choose another --output or move it away."
        )
    record = json.loads(storage.read_whole(path + SETTINGS_SUFFIX))
    found = describe_differences(record["settings"], settings)
    if record["sha256"] != storage.sha256(path):
        found.append("the file was changed since")
    if found:
        raise ValueError(
            f"--output {path}: was made with other settings ({'; '.join(found)}). Choose another "
            "--output, delete the file, or use the settings it was made with."
        )
    return True


def _save(vocabulary: Sequence[str], path: str, settings: dict[str, Any]) -> None:
    """Writes the settings, then the vocabulary, whose presence says that the command finished."""
    content = "".join(f"{entry}\n" for entry in vocabulary).encode()
    record = {"settings": settings, "sha256": hashlib.sha256(content).hexdigest()}
    storage.write_whole(path + SETTINGS_SUFFIX, json.dumps(record, indent=1).encode() + b"\n")
    storage.write_whole(path, content)


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


def _count_words(
    units: Sequence[Sequence[FileRange]], flags: argparse.Namespace, beam_flags: Sequence[str]
) -> dict[str, int]:
    """Runs the Beam job; its result comes back through a file, whichever machine wrote it."""
    beam = command_flags.import_beam()
    counts_file = f"{flags.output}.counts"
    print(f"counting words of {len(units)} pieces of the corpus", file=sys.stderr)
    with command_flags.beam_pipeline(beam_flags) as pipeline:
        _ = (
            pipeline
            # The empty unit has the counts written even if the corpus holds no word.
            | "Units of work" >> beam.Create([[], *units])
            | "Count words" >> beam.FlatMap(count_unit, do_lower_case=flags.do_lower_case)
            | "Add counts" >> beam.CombinePerKey(sum)
            | "Give all one key" >> beam.Map(lambda word_count: ("", word_count))
            | "Bring counts together" >> beam.GroupByKey()
            | "Write counts" >> beam.Map(save_counts, path=counts_file)
        )
    counts = json.loads(storage.read_whole(counts_file))
    storage.remove(counts_file)
    return counts


def count_unit(unit: Sequence[FileRange], do_lower_case: bool) -> Iterator[tuple[str, int]]:
    """Yields (word, count) of the documents of one unit of work."""
    total: collections.Counter[str] = collections.Counter()
    for file_range in unit:
        for document in DocumentReader(file_range):
            total.update(count_words(document, do_lower_case=do_lower_case))
    yield from total.items()
    yield "", 0


def save_counts(keyed: tuple[str, Iterable[tuple[str, int]]], path: str) -> None:
    """Writes the words with their counts, the empty word left out."""
    words = {word: count for word, count in keyed[1] if word}
    storage.write_whole(path, json.dumps(words).encode())
