"""TFRecord files to batches, in an order that is a function of (seed, step) alone.

So a run that starts again at step 1,000 sees the batches it would have seen anyway, with no
iterator state to save. Masks that are left to the trainer are a function of (seed, step) too; of
held-out records, of their position alone, so that losses of any step, run and batch compare.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import tensorflow as tf

from data_prep import features as records
from pipeline.data.record_reader import RecordReader
from pipeline.data.worker_part import WorkerPart, whole_batch

# Records are already permuted inside each shard; permuting such blocks mixes the shards.
_BLOCK = 8_192
_PARALLEL_READS = 8
# Records of an ordered dataset are read in blocks of this size, regardless of the batch: it decides
# their masks, so another number is another held-out set.
_READ_BLOCK = 256
_ORDERED_SEED = 0
_PREFETCHED_BATCHES = 4


@dataclasses.dataclass(frozen=True)
class Shards:
    """Files of one split and length, and the records in them."""

    files: list[str]
    num_sequences: int


def shards_of(manifest: records.Manifest, data_dir: str, split: str, max_seq_length: int) -> Shards:
    """Returns one split's shards, in order; of records with bins, those of one length.

    Raises:
      ValueError: the split has no such sequences.
    """
    shards = zip(
        manifest.shard_files(data_dir, split),
        manifest.splits.get(split, {}).get("shards", []),
        strict=True,
    )
    chosen = [
        (file, shard["sequences"])
        for file, shard in shards
        if shard.get("max_seq_length", max_seq_length) == max_seq_length
    ]
    num_sequences = sum(count for _, count in chosen)
    if not num_sequences:
        raise ValueError(
            f"{data_dir} holds no '{split}' sequences of {max_seq_length} tokens. Prepare the "
            "corpus again with more documents or, for 'heldout', a larger --heldout_fraction."
        )
    return Shards([file for file, _ in chosen], num_sequences)


def compression(files: Sequence[str]) -> str:
    """Returns TensorFlow's name for how the shards are compressed; all are alike."""
    return "GZIP" if files[0].endswith(".gz") else ""


def train_dataset(
    shards: Shards,
    *,
    reader: RecordReader,
    global_batch_size: int,
    seed: int,
    first_step: int = 0,
    part: WorkerPart | None = None,
) -> tf.data.Dataset:
    """Endless shuffled batches, beginning with the batch of `first_step`.

    Every epoch has its own order of files and of records in each block, drawn from
    (seed, epoch); batches run on across epochs. Starting late skips serialized
    records, which costs no parsing.

    Args:
      shards: of the training split.
      reader: of this kind of record.
      global_batch_size: sequences per batch, over all replicas.
      seed: decides the order and the masks.
      first_step: number of batches already used.
      part: the rows of every batch that this worker reads; None for all, in one piece.

    Returns:
      A dataset of what `reader.read` returns, an element for each piece of `part`.
    """
    files = shards.files
    part = part or whole_batch(global_batch_size)
    first_epoch, skipped = divmod(first_step * global_batch_size, shards.num_sequences)

    def epoch_records(epoch):
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(files, epoch_seed)
        blocks = tf.data.TFRecordDataset(
            order, compression_type=compression(files), num_parallel_reads=_PARALLEL_READS
        ).batch(_BLOCK)
        # `Dataset.shuffle` would mix the global seed in; this depends on its arguments alone.
        return blocks.enumerate().map(lambda i, block: permuted(block, epoch_seed, i)).unbatch()

    def permuted(block, epoch_seed, i):
        block_seed = tf.random.experimental.stateless_fold_in(epoch_seed, i)
        return tf.random.experimental.stateless_shuffle(block, block_seed)

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(epoch_records)
    batches = epochs.skip(skipped).batch(global_batch_size, drop_remainder=True)

    def read(step, serialized):
        seed_of_step = tf.stack([tf.constant(seed, tf.int64), step])
        mine = serialized[part.begin : part.end]
        return reader.read(
            mine, seed=seed_of_step, num_rows=global_batch_size, first_row=part.begin
        )

    read_batches = batches.enumerate(first_step).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return _finish(read_batches, part)


def ordered_dataset(
    shards: Shards,
    *,
    reader: RecordReader,
    num_sequences: int,
    global_batch_size: int,
    part: WorkerPart | None = None,
) -> tf.data.Dataset:
    """The first `num_sequences` records in file order, once, always with the same masks.

    The last batch is filled with records of weight 0, so every batch has one static shape
    and no record is left out.

    Args:
      shards: of one split.
      reader: of this kind of record.
      num_sequences: all, where there are fewer.
      global_batch_size: sequences per batch, over all replicas.
      part: as for `train_dataset`.
    """
    files = shards.files
    part = part or whole_batch(global_batch_size)
    serialized = tf.data.TFRecordDataset(files, compression(files)).take(num_sequences)

    def read(block, serialized):
        seed_of_block = tf.stack([tf.constant(_ORDERED_SEED, tf.int64), block])
        return reader.read(serialized, seed=seed_of_block, num_rows=_READ_BLOCK)

    blocks = serialized.batch(_READ_BLOCK).enumerate().map(read)
    batches = blocks.rebatch(global_batch_size)
    filled = batches.map(lambda batch: _fill(batch, global_batch_size))
    return _finish(filled.map(lambda batch: _rows(batch, part)), part)


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
