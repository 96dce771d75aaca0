import json

import numpy as np
import pytest
import tensorflow as tf

from models import BertConfig, BertPretrainer
from pipeline import load_pretrained

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat"]


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run folder with random weights whose decoder prefers "cat" by far."""
    folder = tmp_path_factory.mktemp("run")
    config = BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_position_embeddings=12,
    )
    config.save(folder / "bert_config.json")
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    facts = {
        "recipe": {"prepare": {"max_seq_length": 8}},
        "data_manifest": {"settings": {"do_lower_case": True, "ids": "bert"}},
    }
    (folder / "run.json").write_text(json.dumps(facts))
    model = BertPretrainer(config)
    ones = tf.ones([1, 2], tf.int32)
    names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    model(dict.fromkeys(names, ones))
    model.masked_lm_head.output_bias.assign(50.0 * tf.one_hot(VOCABULARY.index("cat"), 10))
    tf.train.Checkpoint(model=model).save(str(folder / "checkpoints" / "ckpt"))
    return folder


def test_fill_mask_names_the_entry_that_the_decoder_prefers(run_dir):
    (first, second) = load_pretrained(run_dir).fill_mask("The [MASK] sat on [MASK]", top_k=2)
    assert first[0][0] == second[0][0] == "cat"
    # A bias of 50 leaves the nine others less than 10 e^-40, whatever their logits in [-10, 10].
    assert first[0][1] == pytest.approx(1.0, abs=1e-6)
    assert len(first) == 2


def test_a_vector_is_the_mean_over_the_real_tokens(run_dir):
    bert = load_pretrained(run_dir)
    ids = tf.constant([[2, 5, 6, 3]])
    features = {"input_ids": ids, "input_mask": tf.ones_like(ids), "segment_ids": ids * 0}
    expected = bert.model.encoder(features)[0].numpy()[0].mean(axis=0)
    # The same text alone and next to a longer one, whose padding must not count.
    vectors = bert.encode(["the cat", "the cat sat on the mat"])
    assert vectors.shape == (2, 8)
    # Layer-normalised outputs are of order 1; a few hundred float32 operations in another order.
    np.testing.assert_allclose(vectors[0], expected, atol=300 * np.finfo(np.float32).eps)


def test_no_texts_give_no_vectors(run_dir):
    assert load_pretrained(run_dir).encode([]).shape == (0, 8)


def test_one_string_instead_of_a_list_is_refused(run_dir):
    with pytest.raises(ValueError, match="expects a list of texts"):
        load_pretrained(run_dir).encode("the cat")


def test_a_text_without_a_mask_is_refused(run_dir):
    with pytest.raises(ValueError, match=r"expects a text with \[MASK\]"):
        load_pretrained(run_dir).fill_mask("the cat")


def test_a_text_longer_than_the_trained_length_is_refused_for_masks(run_dir):
    with pytest.raises(ValueError, match="at most 8 tokens"):
        load_pretrained(run_dir).fill_mask("[MASK] the cat sat on the mat")


def test_a_longer_text_is_truncated_for_vectors(run_dir):
    bert = load_pretrained(run_dir)
    long, cut = bert.encode(["the cat sat on the mat the cat", "the cat sat on the mat"])
    np.testing.assert_array_equal(long, cut)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="mnemosyne pretrain"):
        load_pretrained(tmp_path)
