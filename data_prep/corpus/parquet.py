"""One range of a Parquet file to the texts of one column, every byte of text accounted for.

A row group belongs to the range where its first row stands among all rows, so several workers can
read a large file. A damaged row group becomes one reject and reading goes on with the next.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from data_prep import storage
from data_prep.corpus import rejects, utf8_lines
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.rejects import Reject

_ROWS_PER_BATCH = 1_024
_TEXT_TYPES = frozenset(
    {
        *("string", "large_string", "string_view"),
        *("binary", "large_binary", "binary_view", "fixed_size_binary"),
    }
)


def check_column(path: str, text_field: str) -> None:
    """Looks for the column before the job starts; a file that cannot be read is left to the job.

    Raises:
        ValueError: there is no such column, or it holds no text.
    """
    try:
        with _open(path) as file:
            schema = file.schema_arrow
            column = schema.field(text_field) if text_field in schema.names else None
    except Exception:  # over damaged bytes pyarrow raises errors of all kinds
        return
    if column is None or not _holds_text(column.type):
        raise ValueError(
            f"{path}: expected a column {text_field!r} of text, received the columns "
            f"{', '.join(f'{field.name} ({field.type})' for field in schema)}. Name the column: "
            "--text_field NAME."
        )


class ParquetTexts:
    """Iterates over the texts of one file range, in row order, as UTF-8 bytes.

    Args:
        file_range: what to read; `text_field` names the column.
        reject: is given every reject; its `offset` is the number of the row.
        replace_invalid: use text that is not UTF-8 with U+FFFD in it, instead of rejecting it.

    Attributes:
        counts: bytes_in, bytes_ok, bytes_dead (bytes of text; of a damaged row group its bytes of
            all columns), bytes_lost (of the file, for rows without text) and lines (rows).
        consumed: bytes of the file read so far.
    """

    def __init__(
        self,
        file_range: FileRange,
        *,
        reject: Callable[[Reject], None],
        replace_invalid: bool = False,
    ):
        self._replace_invalid = replace_invalid
        self.counts: collections.Counter[str] = collections.Counter()
        self.consumed = file_range.start
        self._range = file_range
        self._take_reject = reject

    def __iter__(self) -> Iterator[bytes]:
        try:
            file = _open(self._range.path)
            size = storage.size(self._range.path)
            groups = _row_groups(file, self._range.text_field, size)
        except Exception:
            self._refuse_file()
            return
        row = 0
        bytes_per_row = max(1, size // max(1, file.metadata.num_rows))
        with file:
            for number, group in enumerate(groups):
                if self._is_ours(group.offset):
                    columns = self._read_group(file, number)
                    if columns is None:
                        self._reject(b"", row, rejects.PARQUET_CORRUPT, group.num_bytes)
                    else:
                        yield from self._texts(columns, row, bytes_per_row)
                    self.consumed += group.num_bytes
                row += group.num_rows

    def _read_group(self, file: Any, group: int) -> list[Any] | None:
        """Returns the text of a row group, whole before any is given away, or None if damaged."""
        columns = [self._range.text_field]
        try:
            batches = file.iter_batches(_ROWS_PER_BATCH, row_groups=[group], columns=columns)
            return [_as_binary(batch.column(0)) for batch in batches]
        except Exception:
            return None

    def _texts(self, columns: list[Any], row: int, bytes_per_row: int) -> Iterator[bytes]:
        for column in columns:
            for text in column.to_pylist():
                self.counts["lines"] += 1
                if text is None:
                    self._reject(b"", row, rejects.PARQUET_NULL, 0, lost=bytes_per_row)
                elif self._replace_invalid or utf8_lines.is_utf8(text):
                    self.counts["bytes_in"] += len(text)
                    self.counts["bytes_ok"] += len(text)
                    yield utf8_lines.with_invalid_replaced(text, self.counts)
                else:
                    self._reject(text, row, rejects.INVALID_UTF8, len(text))
                row += 1

    def _is_ours(self, offset: int) -> bool:
        start, stop = self._range.start, self._range.stop
        return start <= offset and (stop is None or offset < stop)

    def _refuse_file(self) -> None:
        if self._range.start == 0:  # it speaks for the other ranges of the file
            with storage.open_read(self._range.path) as stream:
                begin = stream.read(rejects.MAX_SAVED_BYTES)
            size = storage.size(self._range.path)
            self._reject(begin, 0, rejects.PARQUET_UNREADABLE, size)

    def _reject(self, content: bytes, row: int, reason: str, length: int, *, lost: int = 0) -> None:
        self.counts.update(bytes_in=length, bytes_dead=length, bytes_lost=lost)
        self._take_reject(Reject(self._range.path, row, reason, content, length, lost))


def _open(path: str) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(path if not storage.is_remote(path) else _remote(path))


def _remote(path: str) -> Any:
    import pyarrow

    return pyarrow.BufferReader(storage.read_whole(path))


def _holds_text(kind: Any) -> bool:
    """Says whether an Arrow type is text or bytes: by itself, or by what stores it."""
    import pyarrow
    import pyarrow.types as types

    if types.is_dictionary(kind):
        return _holds_text(kind.value_type)
    if isinstance(kind, pyarrow.BaseExtensionType):  # JSON is text, a UUID is not
        return _holds_text(kind.storage_type) and not types.is_fixed_size_binary(kind.storage_type)
    # By name, because releases of pyarrow differ in the types they know.
    return str(kind).partition("[")[0] in _TEXT_TYPES


def _as_binary(column: Any) -> Any:
    """Returns a column of text of any Arrow type as a column of bytes."""
    import pyarrow

    if isinstance(column.type, pyarrow.BaseExtensionType):
        return _as_binary(column.storage)
    if isinstance(column, pyarrow.DictionaryArray):  # not all kinds of text can be taken by index
        return _as_binary(column.dictionary).take(column.indices)
    return column.cast(pyarrow.large_binary())


@dataclasses.dataclass(frozen=True)
class _RowGroup:
    offset: int
    num_rows: int
    num_bytes: int


def _row_groups(file: Any, text_field: str, file_size: int) -> list[_RowGroup]:
    """Reads what is needed of the metadata at once: damage to it refuses the file, not the job.

    The metadata of column chunks is left alone: damage there makes pyarrow abort the process, while
    reading the row group raises an error.
    """
    if text_field not in file.schema_arrow.names:  # it was there when the job began
        raise ValueError(f"no column {text_field!r}")
    all_rows = max(1, file.metadata.num_rows)
    groups: list[_RowGroup] = []
    rows_before = 0
    for number in range(file.num_row_groups):
        group = file.metadata.row_group(number)
        if group.num_rows < 0 or group.total_byte_size < 0 or rows_before > all_rows:
            raise ValueError("impossible sizes")
        offset = file_size * rows_before // (all_rows + 1)
        groups.append(_RowGroup(offset, group.num_rows, group.total_byte_size))
        rows_before += group.num_rows
    return groups
