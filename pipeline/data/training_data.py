"""The batches of one pre-training run: a folder of records, read as the recipe says."""

from __future__ import annotations

import tensorflow as tf

from data_prep import features as records
from pipeline.data import input_pipeline, unigram
from pipeline.data.record_reader import make_reader
from pipeline.data.worker_part import WorkerPart, worker_part
from pipeline.recipes.loader import Recipe


class TrainingData:
    """Training batches, held-out batches, and what a model without context reaches on these.

    Args:
      recipe: length and masking of the records, batch size, seed.
      manifest: of the records.
      data_dir: the records and `vocab.txt`.

    Attributes:
      reader: of this kind of record.
      heldout: the held-out batches, the same in every run and at every step.

    Raises:
      FileNotFoundError: records that are to be masked come without `vocab.txt`.
      ValueError: a split holds no sequences of this length, or `vocab.txt` is no vocabulary.
    """

    def __init__(self, recipe: Recipe, manifest: records.Manifest, data_dir: str):
        self._train = recipe.train
        self.reader = make_reader(recipe.prepare, manifest.settings, data_dir)
        self._train_shards, self._heldout_shards = (
            input_pipeline.shards_of(manifest, data_dir, split, self.reader.max_seq_length)
            for split in ("train", "heldout")
        )
        self.heldout = self._in_order(self._heldout_shards, recipe.train.num_eval_sequences)

    def train_batches(self, first_step: int) -> tf.data.Dataset:
        """Returns the endless training batches from the one of `first_step` on."""
        return self._train_batches(first_step, part=None)

    def dataset_for(
        self,
        context: tf.distribute.InputContext,
        first_step: int,
        *,
        num_micro_batches: int = 1,
    ) -> tf.data.Dataset:
        """Returns one worker's part of `train_batches`, for `distribute_datasets_from_function`.

        An element is one micro-batch of one replica, `global_batch_size / num_replicas_in_sync /
        num_micro_batches` rows: a step takes `num_micro_batches` elements for each replica. All
        elements of a step, over all workers, are the rows of that step's global batch, in order.

        Raises:
          ValueError: the rows cannot be dealt out evenly.
        """
        size = self._train.global_batch_size
        part = worker_part(context, global_batch_size=size, num_micro_batches=num_micro_batches)
        return self._train_batches(first_step, part=part)

    def heldout_for(self, context: tf.distribute.InputContext) -> tf.data.Dataset:
        """Returns one worker's part of `heldout`, an element for each replica and batch."""
        return self._in_order(
            self._heldout_shards,
            self._train.num_eval_sequences,
            part=worker_part(context, global_batch_size=self._train.global_batch_size),
        )

    def unigram_loss(self, vocab_size: int) -> float:
        """Returns the loss, in nats, of a model that knows word frequencies and no context."""
        train = self._in_order(self._train_shards, unigram.NUM_TRAIN_SEQUENCES)
        return unigram.unigram_loss(train, self.heldout, vocab_size=vocab_size)

    def _train_batches(self, first_step: int, part: WorkerPart | None) -> tf.data.Dataset:
        return input_pipeline.train_dataset(
            self._train_shards,
            reader=self.reader,
            global_batch_size=self._train.global_batch_size,
            seed=self._train.random_seed,
            first_step=first_step,
            part=part,
        )

    def _in_order(
        self, shards: input_pipeline.Shards, num_sequences: int, part: WorkerPart | None = None
    ) -> tf.data.Dataset:
        return input_pipeline.ordered_dataset(
            shards,
            reader=self.reader,
            num_sequences=num_sequences,
            global_batch_size=self._train.global_batch_size,
            part=part,
        )
