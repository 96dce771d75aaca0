import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from unmasked_records import CLS, MASK, PAD, PIECES, RULES, SEP, masked, unmasked

from pipeline.data import dynamic_masking

LIMIT = dynamic_masking.DRAW_LIMIT


def one_at_a_time(features, draws, rules):
    """google-research/bert's rule in plain Python: the chosen places of every row."""
    rows = []
    for ids, real, starts, order in zip(
        features["input_ids"],
        features["input_mask"],
        features["word_starts"],
        draws[:, 0],
        strict=True,
    ):
        words = []
        for place, token in enumerate(ids):
            if not real[place] or token in (CLS, SEP):
                continue
            if rules.do_whole_word_mask and not starts[place]:
                words[-1].append(place)
            else:
                words.append([place])
        length = int(real.sum())
        wanted = min(rules.max_predictions_per_seq, max(1, round(length * rules.masked_lm_prob)))
        chosen = []
        for word in sorted(words, key=lambda word: order[word[0]]):
            if len(chosen) + len(word) <= wanted:
                chosen += word
        rows.append(sorted(chosen))
    return rows


def predicted_places(batch):
    return [
        positions[weights > 0].tolist()
        for positions, weights in zip(
            np.array(batch["masked_lm_positions"]),
            np.array(batch["masked_lm_weights"]),
            strict=True,
        )
    ]


def test_a_hand_case():
    # [CLS] the play ##er sat [SEP] it ran [SEP]: 30 % of nine tokens are three.
    features = {
        "input_ids": tf.constant([[CLS, 10, 11, 12, 13, SEP, 14, 15, SEP]]),
        "input_mask": tf.ones([1, 9], tf.int32),
        "word_starts": tf.constant([[0, 1, 1, 0, 1, 0, 1, 1, 0]]),
    }
    order = [0, 9, 5, 1, 8, 0, 2, 7, 0]  # it, play ##er; then all is full
    fate = [0, 0, LIMIT - 1, int(0.85 * LIMIT), 0, 0, 0, 0, 0]
    other = [0, 0, 2_077, 0, 0, 0, 0, 0, 0]
    rules = dataclasses.replace(RULES, masked_lm_prob=0.3, max_predictions_per_seq=4)
    batch = dynamic_masking.mask_batch(features, tf.constant([[order, fate, other]]), rules)
    assert batch["input_ids"].numpy().tolist() == [[CLS, 10, 77, 12, 13, SEP, MASK, 15, SEP]]
    assert batch["masked_lm_positions"].numpy().tolist() == [[2, 3, 6, 0]]
    assert batch["masked_lm_ids"].numpy().tolist() == [[11, 12, 14, 0]]
    assert batch["masked_lm_weights"].numpy().tolist() == [[1.0, 1.0, 1.0, 0.0]]
    assert "word_starts" not in batch


@pytest.mark.parametrize("rules", [RULES, PIECES], ids=["words", "pieces"])
def test_places_are_those_of_one_word_after_the_other(rules):
    features = unmasked(500)
    batch, draws = masked(features, rules)
    assert predicted_places(batch) == one_at_a_time(features, draws, rules)


@pytest.mark.parametrize("rules", [RULES, PIECES], ids=["words", "pieces"])
def test_labels_rebuild_the_text_and_no_special_token_is_touched(rules):
    features = unmasked(300)
    batch, _ = masked(features, rules)
    rebuilt = batch["input_ids"].copy()
    row, slot = np.nonzero(batch["masked_lm_weights"])
    places = batch["masked_lm_positions"][row, slot]
    rebuilt[row, places] = batch["masked_lm_ids"][row, slot]
    np.testing.assert_array_equal(rebuilt, features["input_ids"])
    assert not np.isin(batch["masked_lm_ids"][row, slot], [PAD, CLS, SEP]).any()
    assert not batch["masked_lm_ids"][batch["masked_lm_weights"] == 0].any()


def test_number_of_predictions_of_single_pieces_is_googles():
    features = unmasked(300)
    batch, _ = masked(features, PIECES)
    expected = [
        min(10, max(1, round(int(length) * 0.15)), int(length) - 3)
        for length in features["input_mask"].sum(axis=1)
    ]
    assert batch["masked_lm_weights"].sum(axis=1).tolist() == expected


def test_same_seed_same_masks_and_another_step_others():
    features = unmasked(50)
    first, again, other = (masked(features, RULES, seed)[0] for seed in ((1, 7), (1, 7), (1, 8)))
    np.testing.assert_array_equal(first["input_ids"], again["input_ids"])
    differing = (first["masked_lm_positions"] != other["masked_lm_positions"]).any(axis=1)
    assert differing.mean() > 0.8


@pytest.mark.parametrize("rules", [RULES, PIECES], ids=["words", "pieces"])
def test_sequences_that_share_a_row_are_masked_each_by_itself(rules):
    """Two rows of 96 of three sequences each, with the random numbers at their places."""
    rules = dataclasses.replace(rules, max_predictions_per_seq=4)
    features, draws = unmasked(6, seq_len=32), random_draws(num_rows=2, seq_len=96)
    lengths = features["input_mask"].sum(axis=1)
    packed = {name: np.zeros((2, 96), np.int32) for name in features}
    alone_draws = np.zeros((6, 3, 32), np.int32)
    places = []
    for index, length in enumerate(lengths):
        row, sequence = divmod(index, 3)
        start = lengths[3 * row : index].sum()
        places.append((row, slice(start, start + length)))
        for name, values in features.items():
            packed[name][places[-1]] = values[index, :length]
        packed["input_mask"][places[-1]] = sequence + 1
        alone_draws[index, :, :length] = draws[row, :, places[-1][1]]
    alone = dynamic_masking.mask_batch(
        {name: tf.constant(values) for name, values in features.items()},
        tf.constant(alone_draws),
        rules,
    )
    together = dynamic_masking.mask_batch(
        {name: tf.constant(values) for name, values in packed.items()},
        tf.constant(draws),
        rules,
        max_sequences=3,
        num_predictions=12,
    )
    chosen = [set(row) for row in predicted_places(together)]
    assert together["masked_lm_weights"].shape == (2, 12)
    for index, (row, place) in enumerate(places):
        length = lengths[index]
        np.testing.assert_array_equal(
            together["input_ids"][row, place], alone["input_ids"][index, :length]
        )
        of_sequence = {i - place.start for i in chosen[row] if place.start <= i < place.stop}
        assert of_sequence == set(predicted_places(alone)[index])
    assert sum(map(len, chosen)) == alone["masked_lm_weights"].numpy().sum()


def random_draws(*, num_rows, seq_len):
    return dynamic_masking.random_draws((0, 0), num_rows=num_rows, seq_len=seq_len).numpy()


def test_the_masked_fraction_follows_a_straight_line_to_the_end_of_the_run():
    fractions = [
        float(
            dynamic_masking.masked_fraction(
                tf.constant(step, tf.int64), initial=0.3, final=0.15, num_train_steps=100
            )
        )
        for step in (0, 50, 100, 120)
    ]
    # A sum and a product of numbers below 1 in float64.
    np.testing.assert_allclose(fractions, [0.3, 0.225, 0.15, 0.15], rtol=0, atol=4e-16)


def test_number_of_predictions_follows_the_fraction():
    features = {name: tf.constant(values) for name, values in unmasked(100).items()}
    draws = dynamic_masking.random_draws((0, 0), num_rows=100, seq_len=64)
    rules = dataclasses.replace(PIECES, max_predictions_per_seq=30)
    batch = dynamic_masking.mask_batch(
        features, draws, rules, fraction=tf.constant(0.3, tf.float64)
    )
    expected = [
        min(max(1, round(int(length) * 0.3)), int(length) - 3)
        for length in features["input_mask"].numpy().sum(axis=1)
    ]
    assert batch["masked_lm_weights"].numpy().sum(axis=1).tolist() == expected


def test_more_predictions_than_tokens_are_padding():
    rules = dataclasses.replace(PIECES, max_predictions_per_seq=12, masked_lm_prob=1.0)
    batch, _ = masked(unmasked(20, seq_len=8), rules)
    assert batch["masked_lm_positions"].shape == (20, 12)
    assert batch["masked_lm_weights"][:, 8:].sum() == 0


def test_shapes_are_static_inside_a_graph():
    specs = {
        name: tf.TensorSpec([4, 64], tf.int32)
        for name in ("input_ids", "input_mask", "word_starts")
    }

    @tf.function(input_signature=[specs, tf.TensorSpec([4, 3, 64], tf.int32)])
    def mask(features, draws):
        batch = dynamic_masking.mask_batch(features, draws, RULES)
        assert {tuple(batch[name].shape) for name in ("input_ids", "input_mask")} == {(4, 64)}
        assert batch["masked_lm_positions"].shape == (4, 10)
        return batch

    mask.get_concrete_function()
