"""The bookkeeping of one unit of work: what was counted, and how far it is."""

from __future__ import annotations

import collections

from data_prep.corpus.bad_input import RejectLog
from data_prep.corpus.documents import DocumentReader
from data_prep.corpus.utf8_lines import FileRange
from data_prep.job import byte_accounting
from data_prep.job.byte_accounting import FileTally
from data_prep.job.progress import ProgressReport


class UnitOfWork:
    """Counts documents, bytes and rejects of file ranges that are read one after the other.

    Args:
        report: where to report progress.
        rejects: the log that the readers of all ranges write to.
    """

    def __init__(self, report: ProgressReport, rejects: RejectLog):
        self._report = report
        self._rejects = rejects
        self._counts: collections.Counter[str] = collections.Counter()
        self._tallies: dict[str, FileTally] = {}
        self._bytes_before = 0  # of the ranges that are finished

    def document_read(self, reader: DocumentReader, file_range: FileRange) -> None:
        """Reports progress after one more document of a range."""
        self._report.update(
            {
                "bytes": self._bytes_before + reader.consumed - file_range.start,
                "documents": self._counts["documents"] + reader.counts["documents"],
                "rejects": self._rejects.reasons.total(),
            }
        )

    def range_read(self, reader: DocumentReader, file_range: FileRange) -> None:
        """Adds what was counted in a range that is read to its end."""
        self._bytes_before += reader.consumed - file_range.start
        self._counts.update(reader.counts)
        tally = FileTally.of(reader.counts, is_plain=reader.is_plain)
        self._tallies[file_range.path] = tally.plus(self._tallies.get(file_range.path))

    def finish(self) -> bytes:
        """Reports the end; returns the counts as `byte_accounting.pack` packs them."""
        self._counts.update(self._rejects.reasons)
        done = {"bytes": self._bytes_before, "documents": self._counts["documents"]}
        self._report.update({**done, "rejects": self._rejects.reasons.total()}, is_last=True)
        return byte_accounting.pack(self._counts, self._tallies)
