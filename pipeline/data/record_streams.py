"""Shards to rows of serialized records: one record a row, or as many as fit.

Which records share a row is decided once, not in every epoch: windows of neighbouring records are
packed each by itself, and an epoch changes the order of the rows. So the rows of an epoch are
equally many in every epoch, and where step N stands follows by division.
"""

from __future__ import annotations

import functools
import math
from typing import Protocol

import numpy as np
import tensorflow as tf

from pipeline.data import packing
from pipeline.data.record_parsing import token_counts
from pipeline.data.shards import Shards, compression

_PARALLEL_READS = 8
# Records that are packed together: enough for full rows, few enough for memory (about 5 MB of 512
# tokens each), of which there is one for each group that is read at a time.
_WINDOW = 2_048
_PARALLEL_GROUPS = 4


class RowStream(Protocol):
    """Rows of serialized records in an order that is a function of (seed, epoch)."""

    def epoch(self, epoch_seed: tf.Tensor) -> tf.data.Dataset:
        """Returns the rows of one epoch; `epoch_seed` are integers `[2]`."""

    def locate(self, row: int) -> tuple[int, int]:
        """Returns the epoch of a row of the endless stream, and its index there."""


class SingleRecords:
    """A record a row: strings `[]`."""

    def __init__(self, shards: Shards):
        self._shards = shards

    def epoch(self, epoch_seed: tf.Tensor) -> tf.data.Dataset:
        """Returns the records of all files, whose order is drawn from `epoch_seed`."""
        files = self._shards.files
        order = tf.random.experimental.stateless_shuffle(files, epoch_seed)
        return tf.data.TFRecordDataset(
            order, compression_type=compression(files), num_parallel_reads=_PARALLEL_READS
        )

    def locate(self, row: int) -> tuple[int, int]:
        """Returns epoch and index of a row."""
        return divmod(row, self._shards.num_sequences)


class PackedRecords:
    """As many records a row as fit: strings `[max_sequences]`, empty behind the last.

    Args:
      shards: records of one length or of several.
      predictions: masked tokens of a sequence of each length, `[max_tokens + 1]`.
      limits: of a row.
    """

    def __init__(self, shards: Shards, *, predictions: np.ndarray, limits: packing.RowLimits):
        self._shards = shards
        self._predictions = predictions
        self._limits = limits
        self._groups = file_groups(shards, smallest=_WINDOW)

    def epoch(self, epoch_seed: tf.Tensor) -> tf.data.Dataset:
        """Returns all rows; the order in which groups of files are read is drawn."""
        indices = tf.range(len(self._groups), dtype=tf.int64)
        order = tf.random.experimental.stateless_shuffle(indices, epoch_seed)
        groups = tf.data.Dataset.from_tensor_slices(order)
        return groups.interleave(
            lambda group: self._windows(group).map(self._packed).unbatch(),
            cycle_length=_PARALLEL_GROUPS,
            block_length=1,
        )

    def locate(self, row: int) -> tuple[int, int]:
        """Returns epoch and index of a row; beyond the first rows every record's length is read."""
        if row < self._shards.num_sequences // self._limits.max_sequences:
            return 0, row
        return divmod(row, self.rows_per_epoch)

    @functools.cached_property
    def rows_per_epoch(self) -> int:
        """Rows of an epoch, counted: a few microseconds for each record."""
        windows = tf.data.Dataset.range(len(self._groups)).flat_map(self._windows)
        counts = windows.map(
            lambda window: tf.shape(self._indices(window), tf.int64)[0],
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        return int(counts.reduce(tf.constant(0, tf.int64), lambda total, count: total + count))

    def _windows(self, group: tf.Tensor) -> tf.data.Dataset:
        """Returns the windows of one group of files, strings `[about _WINDOW]` each."""
        return mixed_records(self._shards, self._groups, group).batch(_WINDOW)

    def _indices(self, window: tf.Tensor) -> tf.Tensor:
        """Returns which records of a window share a row, int64 `[num_rows, max_sequences]`."""
        pack = functools.partial(packing.pack, predictions=self._predictions, limits=self._limits)
        indices = tf.numpy_function(pack, [token_counts(window)], tf.int64, stateful=False)
        indices.set_shape([None, self._limits.max_sequences])
        return indices

    def _packed(self, window: tf.Tensor) -> tf.Tensor:
        """Returns the rows of one window, strings `[num_rows, max_sequences]`."""
        indices = self._indices(window)
        with_nothing = tf.concat([window, [""]], axis=0)
        return tf.gather(with_nothing, tf.where(indices < 0, tf.size(window, tf.int64), indices))


def file_groups(shards: Shards, *, smallest: int) -> list[list[int]]:
    """Returns indices of neighbouring files that are read together.

    A group holds all bins of a block of documents, because short records fill the rows of long
    ones, and at least `smallest` records where there are so many.
    """
    groups: list[list[int]] = []
    size = smallest
    for index, (count, length) in enumerate(zip(shards.counts, shards.lengths, strict=True)):
        is_next_bin = index > 0 and length > shards.lengths[index - 1]
        if size >= smallest and not is_next_bin:
            groups.append([])
            size = 0
        groups[-1].append(index)
        size += count
    return groups


def mixed_records(
    shards: Shards, groups: list[list[int]], group: tf.Tensor | int
) -> tf.data.Dataset:
    """Reads the files of one group side by side, so that all end at about the same time.

    Args:
      shards: all files.
      groups: of `file_groups`.
      group: index of one of them, int64 `[]`.

    Returns:
      A dataset of serialized records; each file's in their order.
    """
    paths = tf.ragged.constant([[shards.files[i] for i in each] for each in groups])
    turns = tf.ragged.constant(
        [_records_a_turn([shards.counts[i] for i in each]) for each in groups], dtype=tf.int64
    )
    files = tf.data.Dataset.from_tensor_slices((paths[group], turns[group]))
    kind = compression(shards.files)
    turns_of_files = files.interleave(
        lambda path, records: tf.data.TFRecordDataset(path, kind).batch(records),
        cycle_length=max(map(len, groups)),
        block_length=1,
    )
    return turns_of_files.unbatch()


def _records_a_turn(counts: list[int]) -> list[int]:
    """Returns how many records each file gives before the next one does, about 64 in all."""
    turns = max(1, sum(counts) // 64)
    return [math.ceil(count / turns) for count in counts]
