"""The pipeline of data preparation: the path of a document, from file to record.

    units of files -> ReadAndTokenize -> (block, tokens) -> GroupByKey -> WriteBlock
                   -> (small block, tokens) -> GroupByKey -> WriteSmallBlock

One branch, one kind of output, nothing emitted when a bundle ends: this is what every runner does
right (Dask's drops the rest in silence). The element that travels is a batch of tokenized
documents, not a line or a record, because shuffling costs by the element; with a local engine the
batch waits on disk, and its position there travels. The block of a document follows from its text
and the seed, so records do not depend on bundles, workers or how the input was cut.

A block of few documents borrows random next sentences from the partner pool of its split. The
pool has a key as the blocks have: every unit sends its candidates, and WriteBlock saves the chosen
of all units in the job folder. The second GroupByKey is what small blocks wait at until that is
done; a corpus of many documents has none.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator

import apache_beam as beam

from data_prep import storage
from data_prep.beam.tokenized_documents import DocumentBatch
from data_prep.beam.unit_of_work import UnitOfWork
from data_prep.corpus.bad_input import BadInputError, RejectLog, parse_policies
from data_prep.corpus.documents import DocumentReader, document_id
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.rejects import INVALID_UTF8
from data_prep.examples import partner_pool, token_blocks
from data_prep.examples.partner_pool import PartnerPools
from data_prep.examples.shards import write_shards
from data_prep.examples.token_blocks import TokenBlock
from data_prep.job import byte_accounting
from data_prep.job.job_folder import COUNTS_PART, FILES_PART, JobFolder
from data_prep.job.progress import ProgressReport
from data_prep.job.spill_files import SpillFiles
from data_prep.settings import PreparationSettings
from data_prep.wordpiece import WordpieceTokenizer

_POOL_SUFFIX = "-pool"

Unit = list[FileRange]


class PrepareRecords(beam.PTransform):
    """Units of files to shards of records; returns the keys of the small blocks, the last written.

    Args:
        settings: of the whole folder.
        output: the folder.
        spill: where tokens wait until their block is complete.
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
            | "Wait for the partner pools" >> beam.GroupByKey()
            | "Write small blocks" >> beam.ParDo(WriteSmallBlock(*self._job))
        )


class _Step(beam.DoFn):
    """A step with the settings, the job folder, the tokenizer and the files where tokens wait."""

    def __init__(self, settings: PreparationSettings, output: str, spill: SpillFiles):
        self._settings = settings
        self._output = output
        self._spill = spill

    def setup(self):
        """Gets job folder and tokenizer ready."""
        self._job = JobFolder(self._output, self._settings)
        self._tokenizer = shared_tokenizer(
            self._job.vocab_file,
            self._settings.do_lower_case,
            self._settings.ids,
            self._settings.marks_words,
        )


class ReadAndTokenize(_Step):
    """A unit of files to batches of tokenized documents by block, candidates for the pools, counts.

    Every block, and every pool that is not saved yet, is made known once by a unit without files.
    """

    def setup(self):
        """Finds out, too, which blocks and pools need nothing more."""
        super().setup()
        self._finished = self._job.finished_blocks()
        self._policies = parse_policies(self._settings.on_bad)
        self._replace_invalid = self._policies[INVALID_UTF8] == "replace"
        self._missing_pools = [
            split
            for split in partner_pool.splits_with_pool(self._settings)
            if not storage.exists(self._job.pool_file(split))
        ]

    def process(self, unit: Unit) -> Iterator[tuple[str, bytes]]:
        """Yields (block key, packed documents or their position) and (`counts`, JSON)."""
        try:
            yield from self._read(unit) if unit else self._keys()
        except BadInputError as error:
            # Runners wrap what is raised here beyond recognition; a file says it plainly.
            self._job.save_failure(str(error))
            raise

    def _keys(self) -> Iterator[tuple[str, bytes]]:
        for key in self._settings.block_keys():
            yield key, b""
        for split in self._missing_pools:
            yield split + _POOL_SUFFIX, b""

    def _read(self, unit: Unit) -> Iterator[tuple[str, bytes]]:
        name = _unit_name(unit)
        pools = PartnerPools(self._missing_pools)
        batch = DocumentBatch(self._tokenizer, self._settings.sentences, pools.offer)
        with (
            RejectLog(self._job.reject_file(name), self._policies) as rejects,
            self._spill.writer(name) as put,
        ):
            work = UnitOfWork(ProgressReport(self._job.progress_folder, name), rejects)
            for file_range in unit:
                reader = DocumentReader(
                    file_range, reject=rejects.write, replace_invalid=self._replace_invalid
                )
                for document in reader:
                    identity = document_id(document)
                    key = self._settings.block_of(identity)
                    if key not in self._finished or pools.wants(key, identity):
                        batch.add(key, identity, document)
                    if batch.is_full():
                        yield from self._unfinished(batch, put)
                    work.document_read(reader, file_range)
                work.range_read(reader, file_range)
            yield from self._unfinished(batch, put)
            for split, packed in pools.pack():
                yield split + _POOL_SUFFIX, put(packed)
            counts = work.finish()
        yield COUNTS_PART, counts

    def _unfinished(
        self, batch: DocumentBatch, put: Callable[[bytes], bytes]
    ) -> Iterator[tuple[str, bytes]]:
        """Yields what the batch holds for blocks that have no shard yet."""
        for key, packed in batch.tokenize():
            if key not in self._finished:
                yield key, put(packed)


class _WriteStep(_Step):
    """A step that writes shards."""

    def _write(self, key: str, block: TokenBlock, pool: TokenBlock | None = None) -> None:
        """Writes the shards of a block under temporary names, renames them, saves their part."""
        report = ProgressReport(self._job.progress_folder, key)
        with contextlib.ExitStack() as files:
            paths = self._job.shard_paths(key)
            part = write_shards(
                block,
                [files.enter_context(storage.open_whole(path)) for path in paths],
                block_key=key,
                settings=self._settings,
                tokenizer=self._tokenizer,
                pool=pool,
                on_progress=lambda done, total: report.update(
                    {"sequences": done, "shards": done / total}
                ),
            )
            self._job.check_is_ours()
        self._job.save_part(key, part)
        report.update({"sequences": part["sequences"], "shards": 1}, is_last=True)

    def _packed(self, payloads: Iterable[bytes]) -> Iterator[bytes]:
        return map(self._spill.read, filter(None, payloads))


class WriteBlock(_WriteStep):
    """The documents of a block to its shards, those of a pool to its file, the counts to theirs.

    The documents of a small block are passed on: its partners are not there yet.
    """

    def process(self, keyed: tuple[str, Iterable[bytes]]) -> Iterator[tuple[str, bytes]]:
        """Yields (block key, packed documents or their position) of small blocks.

        Of all others, (key, b""): every key travels on, so that no engine sees an empty collection.
        """
        key, payloads = keyed
        yield key, b""
        if key == COUNTS_PART:
            counts, per_file = byte_accounting.merge(payloads)
            self._job.save_part(FILES_PART, byte_accounting.to_json(per_file))
            self._job.save_part(COUNTS_PART, counts)
        elif key.endswith(_POOL_SUFFIX):
            pool = partner_pool.merge(self._packed(payloads))
            split = key.removesuffix(_POOL_SUFFIX)
            storage.write_whole(self._job.pool_file(split), pool.pack())
        elif self._job.is_finished(key):
            return
        elif self._needs_pool(payloads):
            yield from ((key, payload) for payload in payloads)
        else:
            self._write(key, token_blocks.merge(self._packed(payloads)))

    def _needs_pool(self, payloads: Iterable[bytes]) -> bool:
        has_pools = bool(partner_pool.splits_with_pool(self._settings))
        return has_pools and partner_pool.is_small(self._packed(payloads))


class WriteSmallBlock(_WriteStep):
    """The documents of a small block to its shards, with the partner pool of its split."""

    def process(self, keyed: tuple[str, Iterable[bytes]]) -> Iterator[str]:
        """Writes the shards of a block whose documents were passed on."""
        key, payloads = keyed
        if any(payloads):
            pool = storage.read_whole(self._job.pool_file(partner_pool.split_of(key)))
            block = token_blocks.merge(self._packed(payloads))
            self._write(key, block, token_blocks.unpack(pool))
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
