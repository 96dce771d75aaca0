"""TFRecord files to batches, in an order that is a function of (seed, step) alone.

So a run that starts again at step 1,000 sees the batches it would have seen anyway, with no
iterator state to save.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from data_prep import features as records
from pipeline.config import PrepareConfig

# Records are already permuted inside each shard; permuting such blocks mixes the shards.
_BLOCK = 8_192
_PARALLEL_READS = 8


def shard_files(manifest: records.Manifest, data_dir: str, split: str) -> list[str]:
    """Returns the paths of one split's shards, in order.

    Raises:
      ValueError: the split has no sequences.
    """
    if not manifest.splits.get(split, {}).get("sequences"):
        raise ValueError(
            f"{data_dir} holds no '{split}' sequences. Prepare the corpus again with more "
            "documents or, for 'heldout', a larger --heldout_fraction."
        )
    return manifest.shard_files(data_dir, split)


def compression(files: Sequence[str]) -> str:
    """Returns TensorFlow's name for how the shards are compressed; all are alike."""
    return "GZIP" if files[0].endswith(".gz") else ""


def train_dataset(
    files: Sequence[str],
    *,
    prepare: PrepareConfig,
    num_sequences: int,
    global_batch_size: int,
    seed: int,
    first_step: int = 0,
) -> tf.data.Dataset:
    """Endless shuffled batches, beginning with the batch of `first_step`.

    Every epoch has its own order of files and of records in each block, drawn from
    (seed, epoch); batches run on across epochs. Starting late skips serialized
    records, which costs no parsing.

    Args:
      files: shards of the training split.
      prepare: the record's lengths.
      num_sequences: records in one epoch, over all files.
      global_batch_size: sequences per batch, over all replicas.
      seed: decides the order.
      first_step: number of batches already used.

    Returns:
      A dataset of parsed records, see `parse_batch`.
    """
    first_epoch, skipped = divmod(first_step * global_batch_size, num_sequences)

    def epoch_records(epoch):
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(list(files), epoch_seed)
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
    return _finish(batches.map(lambda batch: parse_batch(batch, prepare)))


def ordered_dataset(
    files: Sequence[str], *, prepare: PrepareConfig, num_sequences: int, global_batch_size: int
) -> tf.data.Dataset:
    """The first `num_sequences` records in file order, once.

    The last batch is filled with records of weight 0, so every batch has one static shape
    and no record is left out.
    """
    serialized = tf.data.TFRecordDataset(list(files), compression(files)).take(num_sequences)
    batches = serialized.batch(global_batch_size)
    return _finish(batches.map(lambda batch: _fill(parse_batch(batch, prepare), global_batch_size)))


def parse_batch(serialized: tf.Tensor, prepare: PrepareConfig) -> dict[str, tf.Tensor]:
    """Parses serialized records `[batch]` and adds `next_sentence_weights` `[batch]`, all 1."""
    batch = records.parse_examples(
        serialized,
        max_seq_length=prepare.max_seq_length,
        max_predictions_per_seq=prepare.max_predictions_per_seq,
    )
    ones = tf.ones_like(batch["next_sentence_labels"], tf.float32)
    return {**batch, "next_sentence_weights": ones}


def _fill(batch: dict[str, tf.Tensor], batch_size: int) -> dict[str, tf.Tensor]:
    def filled(tensor):
        missing = batch_size - tf.shape(tensor)[0]
        paddings = [[0, missing]] + [[0, 0]] * (tensor.shape.rank - 1)
        return tf.ensure_shape(tf.pad(tensor, paddings), [batch_size, *tensor.shape[1:]])

    return {name: filled(tensor) for name, tensor in batch.items()}


def _finish(dataset: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    # Each worker reads every file and keeps its share of each batch: file sharding would
    # change the batches with the number of workers.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    options.deterministic = True
    return dataset.with_options(options).prefetch(4)
