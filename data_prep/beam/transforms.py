"""The pipeline of data preparation: the path of a document, from file to record.

    units of files -> ReadAndTokenize -> (block, tokens) -> GroupByKey -> WriteBlock -> parts

One branch, one kind of output, nothing emitted when a bundle ends: this is what every runner does
right (Dask's drops the rest in silence). What travels is a bucket of tokenized documents, not a
line or a record, because shuffling costs by the element; with a local engine it waits on disk, and
its place travels. The block of a document follows from its text and the seed, so records do not
depend on bundles, workers or how the input was cut.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import gc
import hashlib
from collections.abc import Iterable, Iterator

import apache_beam as beam

from data_prep import storage
from data_prep.beam.tokenized_documents import Buckets
from data_prep.corpus.bad_input import BadInputError, RejectLog, parse_policies
from data_prep.corpus.documents import DocumentReader, document_id
from data_prep.corpus.rejects import INVALID_UTF8
from data_prep.corpus.utf8_lines import FileRange
from data_prep.examples import token_blocks
from data_prep.examples.shards import write_shards
from data_prep.job import byte_accounting
from data_prep.job.byte_accounting import FileTally
from data_prep.job.job_folder import COUNTS_PART, FILES_PART, JobFolder
from data_prep.job.progress import ProgressReport
from data_prep.job.spill_files import SpillFiles
from data_prep.settings import PreparationSettings
from data_prep.wordpiece import WordpieceTokenizer

Unit = list[FileRange]


class PrepareRecords(beam.PTransform):
    """Units of files to shards of records; returns the names of the parts that were written.

    Args:
        settings: of the whole folder.
        output: the folder.
        spill: where tokens wait for their block to be complete.
    """

    def __init__(self, settings: PreparationSettings, output: str, spill: SpillFiles):
        super().__init__()
        self._job = (settings, output, spill)

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

    def __init__(self, settings: PreparationSettings, output: str, spill: SpillFiles):
        self._settings = settings
        self._output = output
        self._spill = spill

    def setup(self):
        """Gets the tokenizer ready and finds out which blocks need nothing more."""
        self._job = JobFolder(self._output, self._settings)
        self._tokenizer = shared_tokenizer(
            self._job.vocab_file,
            self._settings.do_lower_case,
            self._settings.ids,
            self._settings.marks_words,
        )
        self._finished = self._job.finished_blocks()
        self._policies = parse_policies(self._settings.on_bad)
        self._replace_invalid = self._policies[INVALID_UTF8] == "replace"

    def process(self, unit: Unit) -> Iterator[tuple[str, bytes]]:
        """Yields (block, packed documents or their place) and (`counts`, JSON)."""
        try:
            yield from self._read(unit)
        except BadInputError as error:
            # Runners wrap what is raised here beyond recognition; a file says it plainly.
            self._job.save_failure(str(error))
            raise

    def _read(self, unit: Unit) -> Iterator[tuple[str, bytes]]:
        if not unit:  # the unit that makes every block known, also one without documents
            yield from ((key, b"") for key in self._settings.block_keys())
            return
        counts: collections.Counter[str] = collections.Counter()
        bytes_done = 0
        buckets = Buckets(self._tokenizer, self._settings.sentences)
        name = _unit_name(unit)
        per_file: dict[str, FileTally] = {}
        with (
            RejectLog(self._job.reject_file(name), self._policies) as rejects,
            self._spill.writer(name) as put,
        ):
            report = ProgressReport(self._job.progress_folder, name)
            for file_range in unit:
                reader = DocumentReader(
                    file_range, reject=rejects.write, replace_invalid=self._replace_invalid
                )
                for document in reader:
                    identity = document_id(document)
                    key = self._settings.block_of(identity)
                    if key not in self._finished:
                        buckets.add(key, identity, document)
                    if buckets.are_full():
                        yield from ((key, put(packed)) for key, packed in buckets.take())
                    report.update(
                        {
                            "bytes": bytes_done + reader.consumed - file_range.start,
                            "documents": counts["documents"] + reader.counts["documents"],
                            "rejects": rejects.reasons.total(),
                        }
                    )
                bytes_done += reader.consumed - file_range.start
                counts.update(reader.counts)
                tally = FileTally.of(reader.counts, is_plain=reader.is_plain)
                per_file[file_range.path] = tally.plus(per_file.get(file_range.path))
            yield from ((key, put(packed)) for key, packed in buckets.take())
            counts.update(rejects.reasons)
            done = {"bytes": bytes_done, "documents": counts["documents"]}
            report.update({**done, "rejects": rejects.reasons.total()}, is_last=True)
        yield COUNTS_PART, byte_accounting.pack(counts, per_file)


class WriteBlock(beam.DoFn):
    """The documents of one block to one shard, then its part; the counts to theirs."""

    def __init__(self, settings: PreparationSettings, output: str, spill: SpillFiles):
        self._settings = settings
        self._output = output
        self._spill = spill

    def setup(self):
        """Gets the tokenizer ready; only its special ids are needed."""
        self._job = JobFolder(self._output, self._settings)
        self._tokenizer = shared_tokenizer(
            self._job.vocab_file,
            self._settings.do_lower_case,
            self._settings.ids,
            self._settings.marks_words,
        )

    def process(self, keyed: tuple[str, Iterable[bytes]]) -> Iterator[str]:
        """Writes the shards under temporary names, renames them, then saves their part."""
        key, payloads = keyed
        if key == COUNTS_PART:
            counts, per_file = byte_accounting.merge(payloads)
            self._job.save_part(FILES_PART, byte_accounting.to_json(per_file))
            self._job.save_part(COUNTS_PART, counts)
        elif not self._job.is_finished(key):
            block = token_blocks.merge(map(self._spill.read, filter(None, payloads)))
            report = ProgressReport(self._job.progress_folder, key)
            with contextlib.ExitStack() as files:
                paths = self._job.shard_paths(key)
                part = write_shards(
                    block,
                    [files.enter_context(storage.open_whole(path)) for path in paths],
                    block_key=key,
                    settings=self._settings,
                    tokenizer=self._tokenizer,
                    on_progress=lambda done, total: report.update(
                        {"sequences": done, "shards": done / total}
                    ),
                )
                self._job.check_is_ours()
            self._job.save_part(key, part)
            report.update({"sequences": part["sequences"], "shards": 1}, is_last=True)
        yield key


@functools.lru_cache(maxsize=2)
def shared_tokenizer(
    vocab_file: str, do_lower_case: bool, ids: str, mark_words: bool = False
) -> WordpieceTokenizer:
    """Returns the tokenizer of this process: building one takes seconds, every DoFn needs it."""
    tokenizer = WordpieceTokenizer(
        vocab_file, do_lower_case=do_lower_case, ids=ids, mark_words=mark_words
    )
    # TensorFlow and Beam are half a million objects that stay; without this the garbage collector
    # goes through all of them again and again, a fifth of the time of a small corpus.
    gc.freeze()
    return tokenizer


def _unit_name(unit: Unit) -> str:
    """Returns a name by content, so that a unit done twice overwrites its own file."""
    return hashlib.sha256(repr(unit).encode("utf-8", "surrogateescape")).hexdigest()[:16]
