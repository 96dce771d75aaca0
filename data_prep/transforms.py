"""The pipeline of data preparation: the path of a document, from file to record.

    units of files -> ReadAndTokenize -> (block, tokens) -> GroupByKey -> WriteBlock -> parts

One branch, one kind of output, nothing emitted when a bundle ends: this is what every runner does
right (Dask's drops the rest in silence). What travels is a bucket of tokenized documents, not a
line or a record, because shuffling costs by the element. The block of a document follows from its
text and the seed, so records do not depend on bundles, workers or how the input was cut.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np

from data_prep import storage, token_blocks
from data_prep.clean_lines import FileRange
from data_prep.dead_letters import DeadLetter
from data_prep.documents import Document, DocumentReader, document_id
from data_prep.job_folder import COUNTS_PART, JobFolder
from data_prep.preparation_settings import PreparationSettings
from data_prep.progress import ProgressReport
from data_prep.sentences import split_sentences
from data_prep.shards import write_shard
from data_prep.token_blocks import TokenBlock
from data_prep.wordpiece import WordpieceTokenizer

BUCKET_BYTES = 4 << 20
REJECT_COUNT = "reject "  # begins the names of reject counts, a reason follows

Unit = list[FileRange]


class PrepareRecords(beam.PTransform):
    """Units of files to shards of records; returns the names of the parts that were written."""

    def __init__(self, settings: PreparationSettings, output: str):
        super().__init__()
        self._job = (settings, output)

    def expand(self, units: beam.PCollection) -> beam.PCollection:
        """Joins the steps."""
        return (
            units
            | "Read and tokenize" >> beam.ParDo(ReadAndTokenize(*self._job))
            | "Bring blocks together" >> beam.GroupByKey()
            | "Write blocks" >> beam.ParDo(WriteBlock(*self._job))
        )


class ReadAndTokenize(beam.DoFn):
    """A unit of files to buckets of tokenized documents by block, and what was counted."""

    def __init__(self, settings: PreparationSettings, output: str):
        self._settings = settings
        self._output = output

    def setup(self):
        """Gets the tokenizer ready and finds out which blocks need nothing more."""
        self._job = JobFolder(self._output, self._settings)
        self._tokenizer = shared_tokenizer(
            self._job.vocab_file, self._settings.do_lower_case, self._settings.ids
        )
        self._finished = self._job.finished_blocks()

    def process(self, unit: Unit) -> Iterator[tuple[str, bytes]]:
        """Yields (block, packed documents) and (`counts`, JSON)."""
        if not unit:  # the unit that makes every block known, also one without documents
            yield from ((key, b"") for key in self._settings.block_keys())
            return
        counts: collections.Counter[str] = collections.Counter()
        bytes_done = 0
        buckets = _Buckets(self._tokenizer, self._settings.sentences)
        name = _unit_name(unit)
        with _RejectLog(self._job.reject_file(name)) as rejects:
            report = ProgressReport(self._job.progress_folder, name)
            for file_range in unit:
                reader = DocumentReader(file_range, reject=rejects.write)
                for document in reader:
                    identity = document_id(document)
                    key = self._settings.block_of(identity)
                    if key not in self._finished:
                        buckets.add(key, identity, document)
                    if buckets.are_full():
                        yield from buckets.take()
                    report.update(
                        rejects.progress(
                            bytes_done + reader.consumed - file_range.start,
                            counts["documents"] + reader.counts["documents"],
                        )
                    )
                bytes_done += reader.consumed - file_range.start
                counts.update(reader.counts)
            yield from buckets.take()
            counts.update(rejects.reasons)
            report.update(rejects.progress(bytes_done, counts["documents"]), is_last=True)
        yield COUNTS_PART, json.dumps(counts).encode()


class WriteBlock(beam.DoFn):
    """The documents of one block to one shard, then its part; the counts to theirs."""

    def __init__(self, settings: PreparationSettings, output: str):
        self._settings = settings
        self._output = output

    def setup(self):
        """Gets the tokenizer ready; only its special ids are needed."""
        self._job = JobFolder(self._output, self._settings)
        self._tokenizer = shared_tokenizer(
            self._job.vocab_file, self._settings.do_lower_case, self._settings.ids
        )

    def process(self, keyed: tuple[str, Iterable[bytes]]) -> Iterator[str]:
        """Writes the shard under a temporary name, renames it, then saves its part."""
        key, payloads = keyed
        if key == COUNTS_PART:
            total: collections.Counter[str] = collections.Counter()
            for payload in payloads:
                total.update(json.loads(payload))
            self._job.save_part(COUNTS_PART, total)
        elif self._job.load_part(key) is None or not storage.exists(self._job.shard_path(key)):
            block = token_blocks.merge(filter(None, payloads))
            report = ProgressReport(self._job.progress_folder, key)
            with storage.open_whole(self._job.shard_path(key)) as stream:
                part = write_shard(
                    block,
                    stream,
                    block_key=key,
                    settings=self._settings,
                    tokenizer=self._tokenizer,
                    on_progress=lambda done, total: report.update(
                        {"sequences": done, "shards": done / total}
                    ),
                )
            self._job.save_part(key, part)
            report.update({"sequences": part["sequences"], "shards": 1}, is_last=True)
        yield key


@functools.lru_cache(maxsize=2)
def shared_tokenizer(vocab_file: str, do_lower_case: bool, ids: str) -> WordpieceTokenizer:
    """Returns the tokenizer of this process: building one takes seconds, every DoFn needs it."""
    return WordpieceTokenizer(vocab_file, do_lower_case=do_lower_case, ids=ids)


class _Buckets:
    """Documents on their way to their blocks, tokenized many lines at a time."""

    def __init__(self, tokenizer: WordpieceTokenizer, mode: str):
        self._tokenizer = tokenizer
        self._mode = mode
        self._clear()

    def _clear(self) -> None:
        self._size = 0
        self._documents: list[tuple[str, bytes, int]] = []
        self._sentences: list[bytes] = []

    def add(self, key: str, identity: bytes, document: Document) -> None:
        sentences = split_sentences(document) if self._mode == "split" else document
        self._documents.append((key, identity, len(sentences)))
        self._sentences += sentences
        self._size += sum(map(len, sentences))

    def are_full(self) -> bool:
        return self._size >= BUCKET_BYTES

    def take(self) -> Iterator[tuple[str, bytes]]:
        """Yields (block, packed documents) for all that was added, then is empty."""
        ids, lengths = self._tokenizer.tokenize(self._sentences)
        ids = ids.astype(token_blocks.id_dtype(len(self._tokenizer.vocab)))
        by_key: dict[str, list[tuple[bytes, np.ndarray, np.ndarray]]] = {}
        token = sentence = 0
        for key, identity, count in self._documents:
            document_lengths = lengths[sentence : sentence + count]
            end = token + int(document_lengths.sum())
            document_lengths = document_lengths[document_lengths > 0]
            by_key.setdefault(key, []).append((identity, document_lengths, ids[token:end]))
            token, sentence = end, sentence + count
        self._clear()
        for key, documents in by_key.items():
            identities, document_lengths, document_ids = zip(*documents, strict=True)
            yield (
                key,
                token_blocks.pack(
                    TokenBlock(
                        list(identities),
                        np.array([len(each) for each in document_lengths], np.int64),
                        np.concatenate(document_lengths),
                        np.concatenate(document_ids),
                    )
                ),
            )


class _RejectLog:
    """The dead letters of one unit of work, in one file; no file when there are none."""

    def __init__(self, path: str):
        self._path = path
        self._files = contextlib.ExitStack()
        self._stream = None
        self.reasons: collections.Counter[str] = collections.Counter()

    def __enter__(self) -> _RejectLog:
        return self

    def __exit__(self, *exception: object) -> bool | None:
        return self._files.__exit__(*exception)

    def write(self, letter: DeadLetter) -> None:
        if self._stream is None:
            self._stream = self._files.enter_context(storage.open_whole(self._path))
        self._stream.write(letter.to_json().encode() + b"\n")
        self.reasons[f"{REJECT_COUNT}{letter.reason}"] += 1

    def progress(self, bytes_read: int, documents: int) -> dict[str, int]:
        return {
            "bytes": bytes_read,
            "documents": documents,
            "rejects": self.reasons.total(),
        }


def _unit_name(unit: Unit) -> str:
    """Returns a name by content, so that a unit done twice overwrites its own file."""
    return hashlib.sha256(repr(unit).encode("utf-8", "surrogateescape")).hexdigest()[:16]
