"""The batches of one pre-training run: a folder of records, read as the recipe says."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

from data_prep import features as records
from pipeline.data import dynamic_masking, input_pipeline, unigram
from pipeline.data.batch_shape import batch_shape, predictions_by_length
from pipeline.data.record_reader import RecordReader, make_reader
from pipeline.data.record_streams import PackedRecords, RowStream, SingleRecords
from pipeline.data.shards import Shards, shards_of
from pipeline.data.span_reader import SpanReader, make_span_reader
from pipeline.data.worker_part import WorkerPart, worker_part
from pipeline.recipes.loader import Recipe


class TrainingData:
    """Training batches, held-out batches, and what a model without context reaches on these.

    Args:
      recipe: length, packing and masking of the records, batch size, seed.
      manifest: of the records.
      data_dir: the records and `vocab.txt`.

    Attributes:
      shape: of a training batch.
      reader: of this kind of record.
      heldout: the held-out batches, the same in every run and at every step, a record a row.

    Raises:
      FileNotFoundError: records that are to be masked come without `vocab.txt`.
      ValueError: a split holds no sequences of this length, or `vocab.txt` is no vocabulary.
    """

    def __init__(self, recipe: Recipe, manifest: records.Manifest, data_dir: str):
        self._recipe, self._train = recipe, recipe.train
        self.shape = batch_shape(recipe, manifest)
        packing = recipe.train.packing
        self.reader = self._reader(manifest, data_dir)
        self._train_shards, self._heldout_shards = (
            shards_of(manifest, data_dir, split, self.shape.seq_len, with_shorter=packing)
            for split in ("train", "heldout")
        )
        self._rows: RowStream = SingleRecords(self._train_shards)
        if packing:
            predictions = predictions_by_length(recipe, manifest)
            self._rows = PackedRecords(
                self._train_shards, predictions=predictions, limits=self.shape.limits
            )
        self.heldout = self._in_order(self._heldout_shards, recipe.train.num_eval_sequences)

    def _reader(self, manifest: records.Manifest, data_dir: str) -> RecordReader | SpanReader:
        prepare = self._recipe.prepare
        if prepare.replaces_spans:
            return make_span_reader(manifest, data_dir, prepare.max_seq_length)
        return make_reader(
            prepare,
            manifest.settings,
            data_dir,
            record_lengths=self.shape.record_lengths,
            limits=self.shape.limits if self._train.packing else None,
        )

    def train_batches(self, first_step: int) -> tf.data.Dataset:
        """Returns the endless training batches from the one of `first_step` on."""
        return self._train_batches(first_step, part=None)

    def dataset_for(self, context: tf.distribute.InputContext, first_step: int) -> tf.data.Dataset:
        """Returns one worker's part of `train_batches`, for `distribute_datasets_from_function`.

        An element is the batch of one replica, `global_batch_size / num_replicas_in_sync` rows. The
        elements of a step, over all workers, are the rows of that step's global batch, in order;
        each worker parses and masks its own alone.

        Raises:
          ValueError: the rows cannot be dealt out evenly.
        """
        part = worker_part(context, global_batch_size=self._train.global_batch_size)
        batches = self._train_batches(first_step, part=part)
        # Several workers need not agree on whether there is another batch, and its size is known.
        return batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

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
        labels = self.reader.labels
        return unigram.unigram_loss(train, self.heldout, vocab_size=vocab_size, labels=labels)

    def describe(self) -> str:
        """Returns in words what is read; of packed rows, how full they are."""
        words = self.reader.describe()
        if (initial := self._train.initial_masked_lm_prob) is not None:
            words += f", {initial:.0%} at the first step"
        if self._train.packing:
            words += f"; rows are {self.shape.useful_fraction:.1%} full"
        return words

    def _train_batches(self, first_step: int, part: WorkerPart | None) -> tf.data.Dataset:
        return input_pipeline.train_dataset(
            self._rows,
            reader=self.reader,
            global_batch_size=self._train.global_batch_size,
            seed=self._train.random_seed,
            first_step=first_step,
            part=part,
            masked_fraction=self._masked_fraction(),
        )

    def _masked_fraction(self) -> Callable[[tf.Tensor], tf.Tensor] | None:
        if self._train.initial_masked_lm_prob is None:
            return None
        return functools.partial(
            dynamic_masking.masked_fraction,
            initial=self._train.initial_masked_lm_prob,
            final=self._recipe.prepare.masked_lm_prob,
            num_train_steps=self._train.num_train_steps,
        )

    def _in_order(
        self, shards: Shards, num_sequences: int, part: WorkerPart | None = None
    ) -> tf.data.Dataset:
        return input_pipeline.ordered_dataset(
            shards,
            reader=self.reader,
            num_sequences=num_sequences,
            global_batch_size=self._train.global_batch_size,
            part=part,
        )
