import numpy as np
import pytest
import tensorflow as tf

from data_prep import features as records
from data_prep.settings import MaskingRules, RecordSettings
from pipeline.data.record_reader import RecordReader, make_reader

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "##s", "sat"]
PREPARE = RecordSettings(max_seq_length=8, max_predictions_per_seq=2, masked_lm_prob=0.4)
UNMASKED = {
    "input_ids": [[2, 5, 6, 7, 3, 0, 0, 0]],
    "input_mask": [[1, 1, 1, 1, 1, 0, 0, 0]],
    "segment_ids": [[0] * 8],
    "word_starts": [[0, 1, 0, 1, 0, 0, 0, 0]],
    "next_sentence_labels": [[0]],
}


@pytest.fixture
def data_dir(tmp_path):
    (tmp_path / "vocab.txt").write_text("".join(f"{entry}\n" for entry in VOCAB))
    return str(tmp_path)


def serialized(count):
    arrays = {name: np.repeat(np.array(rows), count, axis=0) for name, rows in UNMASKED.items()}
    return tf.constant(records.encode_examples(arrays))


def test_rules_are_the_recipes_with_the_ids_of_the_vocabulary(data_dir):
    settings = {"masking": "dynamic", "masked_lm_prob": 0.15, "max_predictions_per_seq": 20}
    assert make_reader(PREPARE, settings, data_dir) == RecordReader(
        max_seq_length=8,
        max_predictions_per_seq=2,
        masking=MaskingRules(
            masked_lm_prob=0.4,
            max_predictions_per_seq=2,
            do_whole_word_mask=False,
            cls_id=2,
            sep_id=3,
            mask_id=4,
            vocab_size=8,
        ),
    )


def test_masked_records_need_no_vocabulary(tmp_path):
    assert make_reader(PREPARE, {}, tmp_path / "nothing").masking is None


def test_words_for_what_is_read(data_dir):
    whole_words = RecordSettings(max_seq_length=64, do_whole_word_mask=True)
    assert make_reader(PREPARE, {}, data_dir).describe() == "records of 8 tokens"
    assert make_reader(whole_words, {"masking": "dynamic"}, data_dir).describe() == (
        "records of 64 tokens, masked in training: whole words, 15%, at most 20"
    )


@pytest.mark.parametrize(
    ("objective", "weight"), [("mlm_nsp", 1.0), ("mlm_sop", 1.0), ("mlm", 0.0)]
)
def test_label_counts_only_where_there_are_pairs(data_dir, objective, weight):
    reader = make_reader(PREPARE, {"masking": "dynamic", "objective": objective}, data_dir)
    batch = reader.read(serialized(3), seed=[0, 0], num_rows=3)
    assert batch["next_sentence_weights"].numpy().tolist() == [weight] * 3


def test_unmasked_records_come_out_masked(data_dir):
    reader = make_reader(PREPARE, {"masking": "dynamic"}, data_dir)
    batch = reader.read(serialized(4), seed=[0, 0], num_rows=4)
    assert batch["masked_lm_weights"].numpy().tolist() == [[1.0, 1.0]] * 4  # 40 % of 5
    text = batch["input_ids"].numpy()
    np.put_along_axis(text, batch["masked_lm_positions"].numpy(), batch["masked_lm_ids"], axis=1)
    assert text.tolist() == UNMASKED["input_ids"] * 4


def test_a_batch_that_ends_early_has_the_same_masks_so_far(data_dir):
    reader = make_reader(PREPARE, {"masking": "dynamic"}, data_dir)
    whole, part = (
        reader.read(serialized(count), seed=[0, 0], num_rows=8)["input_ids"].numpy()
        for count in (8, 3)
    )
    np.testing.assert_array_equal(part, whole[:3])
