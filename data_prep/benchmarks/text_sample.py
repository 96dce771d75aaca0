"""The first megabytes of a corpus as google-research/bert reads text: blank line, new document."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

from data_prep import storage
from data_prep.beam import command_flags
from data_prep.corpus import input_files
from data_prep.corpus.documents import Document, DocumentReader
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.input_files import InputFile
from data_prep.corpus.sentences import split_sentences


def main(argv: Sequence[str] | None = None) -> int:
    """Writes whole documents until there are `--bytes` of text; returns 0.

    With `--sentences split` a sentence a line, with `given` the lines as they are; both samples
    hold the same documents.
    """
    parser = argparse.ArgumentParser(prog="text_sample", allow_abbrev=False)
    command_flags.add_corpus_flags(parser)
    parser.add_argument("--bytes", type=int, required=True, help="size of the text, at least")
    parser.add_argument("--output", required=True, metavar="FILE")
    flags = parser.parse_args(argv)
    left = flags.bytes
    with storage.open_whole(flags.output) as output:
        for document in _documents(input_files.find_input_files(flags.input), flags.text_field):
            lines = split_sentences(document) if flags.sentences == "split" else document
            output.write(b"\n".join(lines) + b"\n\n")
            left -= sum(map(len, document))
            if left <= 0:
                break
    return 0


def _documents(files: Iterable[InputFile], text_field: str) -> Iterator[Document]:
    for file in files:
        yield from DocumentReader(FileRange(file.path, file.layout, text_field=text_field))


if __name__ == "__main__":
    sys.exit(main())
