"""Rows of records to batches, in an order that is a function of (seed, step) alone.

So a run that starts again at step 1,000 sees the batches it would have seen anyway, with no
iterator state to save. Masks that are left to the trainer are a function of (seed, step) too; of
held-out records, of their position alone, so that losses of any step, run and batch compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

from pipeline.data.record_streams import RowStream, file_groups, mixed_records
from pipeline.data.shards import Shards, compression
from pipeline.data.worker_part import WorkerPart, whole_batch

# Records are already permuted inside each shard; permuting such blocks of rows mixes the shards.
_BLOCK = 8_192
# Records of an ordered dataset are read in blocks of this size, regardless of the batch: it decides
# their masks, so another number is another held-out set.
_READ_BLOCK = 256
_ORDERED_SEED = 0
_PREFETCHED_BATCHES = 4


class Reader(Protocol):
    """`RecordReader`, or `SpanReader`: serialized records to features of static shape."""

    def read(
        self,
        serialized: tf.Tensor,
        *,
        seed: tf.Tensor,
        num_rows: int,
        first_row: int = 0,
        masked_fraction: tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """See `RecordReader.read`."""


def train_dataset(
    stream: RowStream,
    *,
    reader: Reader,
    global_batch_size: int,
    seed: int,
    first_step: int = 0,
    part: WorkerPart | None = None,
    masked_fraction: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> tf.data.Dataset:
    """Endless shuffled batches, beginning with the batch of `first_step`.

    Every epoch has its own order of files and of rows in each block, drawn from
    (seed, epoch); batches run on across epochs. Starting late skips serialized
    records, which costs no parsing.

    Args:
      stream: rows of the training split.
      reader: of this kind of record.
      global_batch_size: rows per batch, over all replicas.
      seed: decides the order and the masks.
      first_step: number of batches already used.
      part: the rows of every batch that this worker reads; None for all, in one piece.
      masked_fraction: step to the fraction of the tokens to mask; None is that of the reader.

    Returns:
      A dataset of what `reader.read` returns, an element for each piece of `part`.
    """
    part = part or whole_batch(global_batch_size)
    first_epoch, skipped = stream.locate(first_step * global_batch_size)

    def epoch_rows(epoch):
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        blocks = stream.epoch(epoch_seed).batch(_BLOCK)
        # `Dataset.shuffle` would mix the global seed in; this depends on its arguments alone.
        return blocks.enumerate().map(lambda i, block: permuted(block, epoch_seed, i)).unbatch()

    def permuted(block, epoch_seed, i):
        block_seed = tf.random.experimental.stateless_fold_in(epoch_seed, i)
        return tf.random.experimental.stateless_shuffle(block, block_seed)

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(epoch_rows)
    batches = epochs.skip(skipped).batch(global_batch_size, drop_remainder=True)

    def read(step, serialized):
        return reader.read(
            serialized[part.begin : part.end],
            seed=tf.stack([tf.constant(seed, tf.int64), step]),
            num_rows=global_batch_size,
            first_row=part.begin,
            masked_fraction=masked_fraction(step) if masked_fraction else None,
        )

    read_batches = batches.enumerate(first_step).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return _finish(read_batches, part)


def ordered_dataset(
    shards: Shards,
    *,
    reader: Reader,
    num_sequences: int,
    global_batch_size: int,
    part: WorkerPart | None = None,
) -> tf.data.Dataset:
    """The first `num_sequences` records in file order, once, always with the same masks.

    A row is one record, also where training packs them, so that losses of both compare. The last
    batch is filled with records of weight 0, so every batch has one static shape and no record is
    left out.

    Args:
      shards: of one split.
      reader: of this kind of record.
      num_sequences: all, where there are fewer.
      global_batch_size: sequences per batch, over all replicas.
      part: as for `train_dataset`.
    """
    part = part or whole_batch(global_batch_size)
    serialized = _in_order(shards).take(num_sequences)

    def read(block, serialized):
        seed_of_block = tf.stack([tf.constant(_ORDERED_SEED, tf.int64), block])
        return reader.read(serialized, seed=seed_of_block, num_rows=_READ_BLOCK)

    blocks = serialized.batch(_READ_BLOCK).enumerate().map(read)
    batches = blocks.rebatch(global_batch_size)
    filled = batches.map(lambda batch: _fill(batch, global_batch_size))
    return _finish(filled.map(lambda batch: _rows(batch, part)), part)


def _in_order(shards: Shards) -> tf.data.Dataset:
    """Returns all records; those of several bins mixed, so that the first stand for all."""
    if len(set(shards.lengths)) == 1:
        return tf.data.TFRecordDataset(shards.files, compression(shards.files))
    groups = file_groups(shards, smallest=1)
    indices = tf.data.Dataset.range(len(groups))
    return indices.flat_map(lambda group: mixed_records(shards, groups, group))


def _rows(batch: dict[str, tf.Tensor], part: WorkerPart) -> dict[str, tf.Tensor]:
    return {name: tensor[part.begin : part.end] for name, tensor in batch.items()}


def _fill(batch: dict[str, tf.Tensor], batch_size: int) -> dict[str, tf.Tensor]:
    def filled(tensor):
        missing = batch_size - tf.shape(tensor)[0]
        paddings = [[0, missing]] + [[0, 0]] * (tensor.shape.rank - 1)
        return tf.ensure_shape(tf.pad(tensor, paddings), [batch_size, *tensor.shape[1:]])

    return {name: filled(tensor) for name, tensor in batch.items()}


def _finish(batches: tf.data.Dataset, part: WorkerPart) -> tf.data.Dataset:
    options = tf.data.Options()
    # Where TensorFlow deals out the rows of a batch: file sharding would change the batches with
    # the number of workers.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    options.deterministic = True
    pieces = batches if part.num_pieces == 1 else batches.rebatch(part.piece, drop_remainder=True)
    return pieces.with_options(options).prefetch(_PREFETCHED_BATCHES * part.num_pieces)
