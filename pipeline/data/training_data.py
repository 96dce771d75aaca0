"""The batches of one pre-training run: a folder of records, read as the recipe says."""

from __future__ import annotations

import tensorflow as tf

from data_prep import features as records
from pipeline.data import input_pipeline, unigram
from pipeline.data.record_reader import make_reader
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
        self._train_shards, heldout_shards = (
            input_pipeline.shards_of(manifest, data_dir, split, self.reader.max_seq_length)
            for split in ("train", "heldout")
        )
        self.heldout = self._in_order(heldout_shards, recipe.train.num_eval_sequences)

    def train_batches(self, first_step: int) -> tf.data.Dataset:
        """Returns the endless training batches from the one of `first_step` on."""
        return input_pipeline.train_dataset(
            self._train_shards,
            reader=self.reader,
            global_batch_size=self._train.global_batch_size,
            seed=self._train.random_seed,
            first_step=first_step,
        )

    def unigram_loss(self, vocab_size: int) -> float:
        """Returns the loss, in nats, of a model that knows word frequencies and no context."""
        train = self._in_order(self._train_shards, unigram.NUM_TRAIN_SEQUENCES)
        return unigram.unigram_loss(train, self.heldout, vocab_size=vocab_size)

    def _in_order(self, shards: input_pipeline.Shards, num_sequences: int) -> tf.data.Dataset:
        return input_pipeline.ordered_dataset(
            shards,
            reader=self.reader,
            num_sequences=num_sequences,
            global_batch_size=self._train.global_batch_size,
        )
