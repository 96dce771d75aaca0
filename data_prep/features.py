"""The record contract: what one pre-training record holds, and how a trainer reads it.

A record is one serialized tf.train.Example with the names, dtypes and meaning of
google-research/bert, so any BERT trainer reads our records and ours reads theirs. One record,
max_seq_length 10, max_predictions_per_seq 2, text "the cat sat" followed by "it slept", with "cat"
masked:

    input_ids             int64   [10]  2 8 4 11 3 15 23 3 0 0
    input_mask            int64   [10]  1 1 1 1 1 1 1 1 0 0
    segment_ids           int64   [10]  0 0 0 0 0 1 1 1 0 0
    masked_lm_positions   int64   [2]   2 0
    masked_lm_ids         int64   [2]   9 0
    masked_lm_weights     float32 [2]   1.0 0.0
    next_sentence_labels  int64   [1]   0

`input_ids` reads [CLS] the [MASK] sat [SEP] it slept [SEP] [PAD] [PAD]; `input_mask` is 1 on real
tokens, `segment_ids` 1 on the second segment and its [SEP]. Predictions that pad the list have
position 0 and weight 0.0; a loss must multiply by the weights. `next_sentence_labels` is 1 when the
second segment is random and 0 when it is the true next.

With `prepare --masking dynamic` a record is not masked: `word_starts` int64 [max_seq_length], 1 on
the first piece of every word (never on [CLS], [SEP] or padding), replaces the three
`masked_lm` features, so that a trainer can choose whole words anew in every epoch.

With `prepare --objective span_corruption` a record is that of a T5: `input_ids` and `input_mask`
as above, with a sentinel for each span, and `target_ids`, the spans; see
`data_prep.examples.span_corruption`. `parse_examples` is not for these.

`Manifest`, `load_manifest`, `encode_examples` and `encode_tfrecords` are exported here too, so that
other packages need this module alone to read and write records.

Source: google-research/bert, create_pretraining_data.py, `write_instance_to_example_files`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from data_prep.examples.tfrecord_encoding import encode_examples, encode_tfrecords
from data_prep.job.manifest import Manifest, load_manifest

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = [
    "FLOAT_FEATURES",
    "Manifest",
    "encode_examples",
    "feature_lengths",
    "encode_tfrecords",
    "load_manifest",
    "parse_examples",
]

FLOAT_FEATURES = frozenset({"masked_lm_weights"})


def feature_lengths(
    *, max_seq_length: int, max_predictions_per_seq: int, masking: str = "static"
) -> dict[str, int]:
    """Returns every feature of a record, in the order above, with its number of values."""
    predictions = {
        "masked_lm_positions": max_predictions_per_seq,
        "masked_lm_ids": max_predictions_per_seq,
        "masked_lm_weights": max_predictions_per_seq,
    }
    return {
        "input_ids": max_seq_length,
        "input_mask": max_seq_length,
        "segment_ids": max_seq_length,
        **(predictions if masking == "static" else {"word_starts": max_seq_length}),
        "next_sentence_labels": 1,
    }


def parse_examples(
    serialized: tf.Tensor,
    *,
    max_seq_length: int,
    max_predictions_per_seq: int,
    masking: str = "static",
) -> dict[str, tf.Tensor]:
    """Parses a batch of records, also inside a tf.data map.

    Args:
        serialized: string [batch], serialized tf.train.Example.
        max_seq_length: tokens per record, as the manifest states it.
        max_predictions_per_seq: predictions per record, as the manifest states it.
        masking: "static" or "dynamic", as the manifest states it.

    Returns:
        int32 `input_ids`, `input_mask`, `segment_ids` [batch, seq_len]; int32
        `masked_lm_positions`, `masked_lm_ids` and float32 `masked_lm_weights`
        [batch, num_predictions], or of dynamic records int32 `word_starts` [batch, seq_len];
        int32 `next_sentence_labels` [batch].

    Raises:
        tf.errors.InvalidArgumentError: a feature is missing, its length is not the expected one, or
            a string is no tf.train.Example.
        UnicodeDecodeError: the same in eager mode where the string is not UTF-8, because
            TensorFlow's message would quote it.
    """
    import tensorflow as tf

    lengths = feature_lengths(
        max_seq_length=max_seq_length,
        max_predictions_per_seq=max_predictions_per_seq,
        masking=masking,
    )
    specification = {
        name: tf.io.FixedLenFeature([length], _stored_dtype(name))
        for name, length in lengths.items()
    }
    parsed = tf.io.parse_example(serialized, specification)
    # Accelerators have no fast int64: every integer leaves here as int32.
    features = {
        name: value if name in FLOAT_FEATURES else tf.cast(value, tf.int32)
        for name, value in parsed.items()
    }
    features["next_sentence_labels"] = tf.squeeze(features["next_sentence_labels"], axis=-1)
    return features


def _stored_dtype(name: str) -> tf.DType:
    import tensorflow as tf

    return tf.float32 if name in FLOAT_FEATURES else tf.int64
