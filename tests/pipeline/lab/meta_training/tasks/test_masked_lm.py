import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import chance, rounding

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.meta_training.evolution.search_space import SearchSpace
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks import masked_lm


@pytest.fixture(scope="module")
def tokens():
    return masked_lm.copy_tokens(TaskSettings(), seed=0)


def test_second_half_is_the_first_with_noise(tokens):
    assert tokens.shape == (20_000, 26) and tokens.min() == 0 and tokens.max() == 126
    first, second = tokens[:, :13], tokens[:, 13:]
    # A token drawn anew is the same with the chance that two Zipf tokens agree.
    frequencies = 1 / np.arange(1, 128) / np.sum(1 / np.arange(1, 128))
    agree = 0.85 + 0.15 * np.sum(frequencies**2)
    # Half of the tokens are drawn and 0.85 of the others repeat them, so a fraction of all varies
    # like one of half as many, at most.
    drawn = first.size
    for fraction, probability in (
        (np.mean(first == second), agree),
        (np.mean(tokens == 0), frequencies[0]),
        (np.mean(second == 9), frequencies[9]),
    ):
        assert abs(fraction - probability) < chance(drawn, probability, comparisons=3)


def test_fifteen_percent_are_masked_and_asked_for(tokens):
    rows = tf.constant(tokens[:50])
    masked, token_mask, positions, labels = masked_lm.mask_tokens(
        (rows,), tf.constant([1, 2]), mask=127
    )
    assert token_mask.shape == (50, 26) and np.all(token_mask == 1)
    assert positions.shape == (50, 4)  # 0.15 * 26 rounded
    np.testing.assert_array_equal(np.sum(masked.numpy() == 127, axis=1), 4)
    np.testing.assert_array_equal(labels, np.take_along_axis(tokens[:50], positions.numpy(), 1))
    kept = masked.numpy() != 127
    np.testing.assert_array_equal(masked.numpy()[kept], tokens[:50][kept])
    again = masked_lm.mask_tokens((rows,), tf.constant([1, 3]), mask=127)[2]
    assert np.any(again.numpy() != positions.numpy())


def test_plateau_of_tokens_of_known_frequencies():
    train = np.array([[0, 0, 0, 1]] * 1000)
    expected = -(3 * np.log(0.75) + np.log(0.25)) / 4
    # One is added to counts of 3,000 and 1,000: that moves a logarithm by less than 1 / 1,000.
    assert masked_lm.unigram_loss(train, train[:10], 2) == pytest.approx(expected, abs=1e-3)


def test_untrained_model_knows_nothing(tokens):
    task = masked_lm.masked_lm_task("copy", TaskSettings(), tokens)
    assert len(task.heldout[0]) == 256 and len(task.train[0]) == 20_000 - 256
    weights = task.initial_weights(np.random.default_rng(0))
    assert float(task.loss(weights, task.heldout_batch())) == pytest.approx(np.log(128), abs=0.1)


def test_padding_of_records_changes_no_loss():
    """Random weights, two records that differ in what stands under their padding alone."""
    rng = np.random.default_rng(0)
    settings = TaskSettings(kind="text", seq_len=8, vocab_size=32, width=8, num_layers=2)
    tokens, labels = rng.integers(5, 32, [200, 8]), rng.integers(5, 32, [200, 1])
    mask, positions = np.tile([1] * 5 + [0] * 3, [200, 1]), np.full([200, 1], 2)
    rows = [np.int32(each) for each in (tokens, mask, positions, labels)]
    task = masked_lm.records_task("text", settings, tuple(rows))
    assert task.run_arguments == {"total_steps": 400, "labels_per_step": 32}
    weights = {name: 9.0 * each for name, each in task.initial_weights(rng).items()}
    other = [np.where(mask == 1, tokens, 5).astype(np.int32), *rows[1:]]
    losses = [float(task.loss(weights, [tf.constant(x) for x in each])) for each in (rows, other)]
    # Masked scores leave weights of exactly 0, so the sums of both have the same terms; they may
    # still be added in another order: two blocks of width 8 and a head over 32 words, four norms
    # and ten products of at most 40 roundings, on both sides.
    assert losses[0] == pytest.approx(losses[1], rel=2 * rounding(14 * 40))
    attended = [rows[0], np.ones_like(rows[1]), *rows[2:]]
    assert float(task.loss(weights, [tf.constant(x) for x in attended])) != losses[0]


@pytest.mark.slow
def test_nominal_rule_leaves_the_plateau_but_not_the_floor():
    settings = TaskSettings(num_steps=320, vocab_size=32, seq_len=12, width=32)
    tokens = masked_lm.copy_tokens(settings, seed=0)
    task = masked_lm.masked_lm_task("copy", settings, tokens)
    space = SearchSpace(MetaParams.nominal(), ["rule/matrix_rate"])
    values = space.values(np.array([[0.7], [-20.0]]))  # twice the nominal rate; nearly none
    optimizer = InnerMnemosyne(space.nominal, frozenset(values), **task.run_arguments)
    losses = InnerRun(task, optimizer)(values, seed=1)[:, -1]
    # Nobody can do better than to know the noise of the copy and its position.
    frequencies = masked_lm.zipf(31)
    joint = 0.15 * np.outer(frequencies, frequencies) + 0.85 * np.diag(frequencies)
    floor = -np.sum(joint * np.log(joint / frequencies))
    assert floor < losses[0] < task.plateau - 0.3
    assert losses[1] > task.plateau - 0.1
