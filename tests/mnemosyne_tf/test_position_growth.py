"""A position table grows with the word table that it is added to."""

import numpy as np
import pytest
import tensorflow as tf
from optimizer_twin import make_variables, run_beside_twins

from mnemosyne_tf import FINE_TUNING, MetaParams, Mnemosyne, position_growth

WORDS, POSITIONS = "word_embeddings", "position_embeddings"


def test_position_tables_follow_the_word_tables_of_their_width():
    roles = ["word table", "position table", "kernel", "word table", "position table", "table"]
    shapes = [(9, 4), (3, 4), (4, 4), (7, 4), (3, 8), (2, 4)]
    assert position_growth.followers(roles, shapes) == {1: [0, 3]}


def test_scalars_follow_none():
    roles = ["position table", "word table", "norm"]
    assert position_growth.followers(roles, [(), (), ()]) == {}


def test_the_size_of_two_tables_is_that_of_all_their_entries():
    size = position_growth.root_mean_square([tf.ones([3, 2]), 2 * tf.ones([1, 2])])
    assert float(size) == pytest.approx(np.sqrt((6 * 1 + 2 * 4) / 8), rel=1e-6)


@pytest.mark.parametrize(
    "before, after, exponent, factor",
    [
        (1.0, 2.0, 1.0, 2.0),  # words have doubled
        (1.0, 2.0, 2.0, 4.0),
        (4.0, 2.0, 1.0, 0.5),  # words have become smaller
        (2.0, 2.0, 1.0, 1.0),  # words have not moved
        (1.0, 2.0, 0.0, 1.0),  # does not follow
        (0.0, 2.0, 1.0, 1.0),  # words were zero: growth is not defined
        (2.0, 0.0, 1.0, 1.0),  # words are zero
    ],
)
def test_it_is_scaled_by_a_power_of_the_growth_of_words(before, after, exponent, factor):
    positions = tf.constant([[5.0, -5.0]])
    moved = position_growth.grown(positions, tf.constant(before), tf.constant(after), exponent)
    np.testing.assert_allclose(moved, factor * positions, rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_model_equals_the_twin_over_100_steps(small_structure, live_meta_params, jit_compile):
    shapes = {WORDS: (21, 9), POSITIONS: (5, 9), "query/kernel": (9, 9)}
    params = live_meta_params(small_structure)
    optimizer = Mnemosyne(meta_params=params, jit_compile=jit_compile)
    run_beside_twins(optimizer, make_variables(shapes, np.random.RandomState(0)))


def tables():
    return make_variables({WORDS: (6, 4), POSITIONS: (5, 4)}, np.random.RandomState(0))


def test_a_step_that_is_skipped_scales_nothing():
    words, positions = tables()
    before = positions.numpy()
    optimizer = Mnemosyne(meta_params="nominal")
    gradients = [tf.ones_like(words), tf.fill(positions.shape, np.nan)]
    optimizer.apply_gradients(zip(gradients, [words, positions], strict=True))
    assert int(optimizer.skipped_steps) == 1
    np.testing.assert_array_equal(positions, before)


def test_past_the_end_of_a_run_where_words_stand_still_positions_do_to_the_bit():
    words, positions = make_variables(
        {WORDS: (999, 77), POSITIONS: (50, 77)}, np.random.RandomState(0)
    )
    optimizer = Mnemosyne(meta_params="nominal", total_steps=2)
    after = []
    for _ in range(4):
        gradients = [tf.ones_like(words), tf.ones_like(positions)]
        optimizer.apply_gradients(zip(gradients, [words, positions], strict=True))
        after.append(positions.numpy())
    assert not np.array_equal(after[0], after[1])
    np.testing.assert_array_equal(after[3], after[1])


@pytest.mark.parametrize(
    "settings",
    [FINE_TUNING, {"meta_params": MetaParams.nominal().without("roles")}],
    ids=["fine-tuning", "without roles"],
)
def test_fine_tuning_and_a_rule_without_roles_leave_sizes_alone(settings):
    optimizer = Mnemosyne(**settings)
    optimizer.build(tables())
    assert not optimizer._model.followers
