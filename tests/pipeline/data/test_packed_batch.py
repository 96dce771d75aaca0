import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.packed_batch import join_rows
from pipeline.data.packing import RowLimits

LIMITS = RowLimits(max_tokens=9, max_sequences=2, max_predictions=3)
TEXTS = {
    # [CLS] 10 11 [SEP] 12 [SEP], [CLS] 13 [SEP], [CLS] 14 15 [SEP]
    "input_ids": [[2, 10, 11, 3, 12, 3, 0], [2, 13, 3, 0, 0, 0, 0], [2, 14, 15, 3, 0, 0, 0]],
    "input_mask": [[1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0]],
    "segment_ids": [[0, 0, 0, 0, 1, 1, 0], [0] * 7, [0] * 7],
    "next_sentence_labels": [1, 0, 1],
}
MASKED = {
    "masked_lm_positions": [[1, 4], [1, 0], [2, 0]],
    "masked_lm_ids": [[20, 21], [22, 0], [23, 0]],
    "masked_lm_weights": [[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]],
}
WORDS = {"word_starts": [[0, 1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0, 0]]}
# The first two records share a row, the third has its own.
IS_TAKEN = [[True, True], [True, False]]


def joined(features, *, limits=LIMITS, next_sentence_weight=1.0, is_taken=IS_TAKEN):
    features = {name: tf.constant(values) for name, values in features.items()}
    batch = join_rows(
        features, tf.constant(is_taken), limits, next_sentence_weight=next_sentence_weight
    )
    return {name: values.numpy().tolist() for name, values in batch.items()}


def test_rows_of_masked_records():
    assert joined(TEXTS | MASKED) == {
        "input_ids": [[2, 10, 11, 3, 12, 3, 2, 13, 3], [2, 14, 15, 3, 0, 0, 0, 0, 0]],
        "input_mask": [[1, 1, 1, 1, 1, 1, 2, 2, 2], [1, 1, 1, 1, 0, 0, 0, 0, 0]],
        "segment_ids": [[0, 0, 0, 0, 1, 1, 0, 0, 0], [0] * 9],
        "position_ids": [[0, 1, 2, 3, 4, 5, 0, 1, 2], [0, 1, 2, 3, 0, 0, 0, 0, 0]],
        "masked_lm_positions": [[1, 4, 7], [2, 0, 0]],
        "masked_lm_ids": [[20, 21, 22], [23, 0, 0]],
        "masked_lm_weights": [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]],
        "next_sentence_positions": [[0, 6], [0, 0]],
        "next_sentence_labels": [[1, 0], [1, 0]],
        "next_sentence_weights": [[1.0, 1.0], [1.0, 0.0]],
    }


def test_rows_of_unmasked_records_keep_where_words_begin():
    batch = joined(TEXTS | WORDS)
    assert batch["word_starts"] == [[0, 1, 0, 0, 1, 0, 0, 1, 0], [0, 1, 1, 0, 0, 0, 0, 0, 0]]
    assert "masked_lm_ids" not in batch


def test_records_without_pairs_have_labels_of_no_weight():
    batch = joined(TEXTS | MASKED, next_sentence_weight=0.0)
    assert batch["next_sentence_weights"] == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("limits", "what"), [(RowLimits(8, 2, 3), "8 tokens"), (RowLimits(9, 2, 2), "2 predictions")]
)
def test_nothing_is_cut_off_in_silence(limits, what):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"at most {what}"):
        joined(TEXTS | MASKED, limits=limits)


def test_shapes_are_static_inside_a_graph():
    @tf.function(
        input_signature=[
            {
                name: tf.TensorSpec([None, *np.shape(values)[1:]], tf.constant(values).dtype)
                for name, values in (TEXTS | MASKED).items()
            },
            tf.TensorSpec([4, 2], tf.bool),
        ]
    )
    def join(features, is_taken):
        batch = join_rows(features, is_taken, LIMITS, next_sentence_weight=1.0)
        shapes = {name: tuple(values.shape) for name, values in batch.items()}
        assert {shapes.pop(name) for name in list(shapes) if "masked_lm" in name} == {(4, 3)}
        assert {shapes.pop(name) for name in list(shapes) if "sentence" in name} == {(4, 2)}
        assert set(shapes.values()) == {(4, 9)}
        return batch

    join.get_concrete_function()
