"""Accumulators, chunks, pooled products: against NumPy, and unchanged by the scale of the loss."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import adam_direction
from mnemosyne_tf.learned import gradient_features
from mnemosyne_tf.variable_plan import plan_variable

EPS = float(np.finfo(np.float32).eps)
# Of a direction of size 1 after a few steps: moments, their corrections, a root, a quotient and a
# product, some ten roundings each.
DIRECTION = 20 * EPS
DECAYS = np.array([0.9, 0.95], np.float32)


def plan_for(shape, chunk_size=8):
    return plan_variable(
        name="kernel", shape=shape, chunk_size=chunk_size, decayed=False, orthogonalise=True
    )


def pooled_after(gradients, weight, plan):
    momentum = second_moment = tf.zeros_like(weight)
    for gradient in gradients:
        accumulators = adam_direction.accumulate(
            tf.constant(gradient), momentum, second_moment, decays=DECAYS
        )
        momentum, second_moment = accumulators
    directions = adam_direction.directions(
        tf.constant(gradients[-1]), *accumulators, decays=DECAYS, step=float(len(gradients))
    )
    features = gradient_features.raw_features(directions, tf.constant(weight), plan)
    progress = (tf.constant(1.0), tf.constant(0.5))
    return directions, features, gradient_features.pool(features, plan=plan, progress=progress)


def random_run(shape, steps=3, seed=0):
    random = np.random.RandomState(seed)
    gradients = random.randn(steps, *shape).astype(np.float32)
    return gradients, np.float32(random.standard_normal(shape or None))


@pytest.mark.parametrize("shape", [(), (7,), (8,), (5, 5), (2, 3, 4)])
def test_chunks_are_undone_exactly(shape):
    tensor = np.random.RandomState(0).standard_normal(shape or None)
    tensor = np.float32(tensor)
    plan = plan_for(shape)
    chunks = gradient_features.to_chunks(tf.constant(tensor), plan)
    assert np.prod(chunks.shape) == plan.num_chunks * plan.chunk_len
    assert np.array_equal(np.ravel(chunks)[: tensor.size], np.ravel(tensor))
    assert np.array_equal(gradient_features.from_chunks(chunks, plan).numpy(), tensor[np.newaxis])


@pytest.mark.parametrize("shape", [(), (7,), (30,), (5, 5), (6, 4), (3, 16), (2, 3, 4)])
def test_stack_of_variables_is_pooled_like_each_of_them(shape):
    plan = plan_for(shape)
    runs = [random_run(shape, seed=seed) for seed in (0, 1)]
    gradients, weights = (np.stack(each) for each in zip(*runs, strict=True))
    _, _, together = pooled_after(np.swapaxes(gradients, 0, 1), weights, plan)
    for index, (gradient, weight) in enumerate(runs):
        _, _, alone = pooled_after(gradient, weight, plan)
        for stacked, single in zip(tf.nest.flatten(together), tf.nest.flatten(alone), strict=True):
            # Sums of up to 30 terms in two orders, of numbers that are 8 at most.
            np.testing.assert_allclose(stacked[index], single[0], rtol=30 * EPS, atol=30 * EPS)


def test_statistics_are_means_of_products_over_each_chunk():
    gradients, weight = random_run((5, 5))
    plan = plan_for((5, 5))
    directions, _, pooled = pooled_after(gradients, weight, plan)
    flat = [
        np.ravel(x).astype(np.float64) for x in (directions.gradient, directions.momentum, weight)
    ]
    g, m, w = (x / np.sqrt((x**2).mean()) for x in flat)
    assert plan.chunk_counts == (7, 7, 7, 4)
    for row, start in enumerate((0, 7, 14, 21)):
        part = slice(start, start + 7)
        means = np.array([np.mean((a * b)[part]) for a, b in
                          ((g, g), (m, m), (w, w), (g, m), (m, w), (g, w))])  # fmt: skip
        expected = means / np.sqrt(1 + np.abs(means))
        # Means of up to 7 products over roots of sums of 25; products of both signs may cancel.
        atol = (7 + 25) * EPS * np.abs(np.stack([g, m, w])).max() ** 2
        np.testing.assert_allclose(pooled.statistics[0, row], expected, rtol=0, atol=atol)


def test_context_holds_scales_cosines_and_progress():
    gradients, weight = random_run((6, 4))
    directions, _, pooled = pooled_after(gradients, weight, plan_for((6, 4)))
    g, m = directions.gradient.numpy(), directions.momentum.numpy()
    cosine = (g * m).sum() / np.sqrt((g**2).sum() * (m**2).sum())
    context = pooled.context.numpy()[0, 0]
    # Sums of 24 terms, both here and there, then a logarithm or a quotient; 1e-6 is added within
    # the logarithm to a mean square near 1.
    assert context[0] == pytest.approx(0.1 * np.log((g**2).mean() + 1e-6), abs=2 * 24 * EPS)
    assert context[2] == pytest.approx(cosine, abs=2 * 24 * EPS)
    assert context[4:].tolist() == [1.0, 0.5]


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_scale_of_the_loss_changes_nothing(scale):
    gradients, weight = random_run((6, 4))
    plan = plan_for((6, 4))
    _, features, pooled = pooled_after(gradients, weight, plan)
    _, scaled_features, scaled = pooled_after(np.float32(scale) * gradients, weight, plan)
    # Inside the root stands 1e-16: a gradient of 1e-3 x, x standard normal, moves by 1e-10 / x^2,
    # which is 1e-6 for an x of 0.01; none of the 72 here is smaller.
    assert np.abs(gradients).min() > 0.01
    atol = 1e-6 + 2 * DIRECTION
    np.testing.assert_allclose(scaled_features.momentum, features.momentum, rtol=0, atol=atol)
    # Directions are 4 at most (b2 = 0.95 after three steps), so products of two move eightfold.
    np.testing.assert_allclose(scaled.statistics, pooled.statistics, rtol=0, atol=8 * atol)
    np.testing.assert_allclose(scaled.context, pooled.context, rtol=0, atol=8 * atol)


def test_normalised_features_have_unit_rms_and_are_clipped():
    weight = np.zeros(200, np.float32)
    weight[3] = 1.0
    gradients, _ = random_run((200,))
    plan = plan_for((200,), chunk_size=64)
    _, features, pooled = pooled_after(gradients, weight, plan)
    normalised = gradient_features.normalise(features, pooled.factors)
    momentum = gradient_features.from_chunks(normalised.momentum, plan).numpy()
    # Sums of 200 squares, on both sides, err by the root of their number.
    assert np.sqrt((momentum**2).mean()) == pytest.approx(1.0, abs=2 * 200**0.5 * EPS)
    assert normalised.weight.numpy().max() == 8.0


def test_zero_gradient_and_zero_weight_give_finite_features():
    zeros = np.zeros([1, 4], np.float32)
    _, _, pooled = pooled_after(zeros, zeros[0], plan_for((4,)))
    assert np.array_equal(pooled.statistics.numpy(), np.zeros([1, 1, 6]))
    assert np.isfinite(pooled.context.numpy()).all()
