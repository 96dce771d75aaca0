import numpy as np
import pytest
import tensorflow as tf

from pipeline import load_pretrained


def test_fill_mask_names_the_entry_that_the_decoder_prefers(pretrained_run):
    (first, second) = load_pretrained(pretrained_run).fill_mask("The [MASK] sat on [MASK]", top_k=2)
    assert first[0][0] == second[0][0] == "cat"
    # A bias of 50 leaves the nine others less than 10 e^-40, for any logits in [-10, 10].
    assert first[0][1] == pytest.approx(1.0, abs=1e-6)
    assert len(first) == 2


def test_a_vector_is_the_mean_over_the_real_tokens(pretrained_run):
    bert = load_pretrained(pretrained_run)
    ids = tf.constant([[2, 5, 6, 3]])
    features = {"input_ids": ids, "input_mask": tf.ones_like(ids), "segment_ids": ids * 0}
    expected = bert.model.encoder(features)[0].numpy()[0].mean(axis=0)
    # The same text alone and next to a longer one, whose padding must not count.
    vectors = bert.encode(["the cat", "the cat sat on the mat"])
    assert vectors.shape == (2, 8)
    # Layer-normalised outputs are of order 1; a few hundred float32 operations in another order.
    np.testing.assert_allclose(vectors[0], expected, atol=300 * np.finfo(np.float32).eps)


def test_one_checkpoint_can_be_named(pretrained_run):
    one = load_pretrained(pretrained_run / "checkpoints" / "ckpt-1")
    newest = load_pretrained(pretrained_run)
    np.testing.assert_array_equal(one.encode(["the cat"]), newest.encode(["the cat"]))
    with pytest.raises(FileNotFoundError, match="No checkpoint under .* has a held-out loss"):
        load_pretrained(pretrained_run / "checkpoints" / "best")


def test_no_texts_give_no_vectors(pretrained_run):
    assert load_pretrained(pretrained_run).encode([]).shape == (0, 8)


def test_one_string_instead_of_a_list_is_refused(pretrained_run):
    with pytest.raises(ValueError, match="expects a list of texts"):
        load_pretrained(pretrained_run).encode("the cat")


def test_a_text_without_a_mask_is_refused(pretrained_run):
    with pytest.raises(ValueError, match=r"expects a text with \[MASK\]"):
        load_pretrained(pretrained_run).fill_mask("the cat")


def test_a_text_longer_than_the_trained_length_is_refused_for_masks(pretrained_run):
    with pytest.raises(ValueError, match="at most 8 tokens"):
        load_pretrained(pretrained_run).fill_mask("[MASK] the cat sat on the mat")


def test_a_longer_text_is_truncated_for_vectors(pretrained_run):
    bert = load_pretrained(pretrained_run)
    long, cut = bert.encode(["the cat sat on the mat the cat", "the cat sat on the mat"])
    np.testing.assert_array_equal(long, cut)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="mnemosyne pretrain"):
        load_pretrained(tmp_path)
