"""The encoder: shapes, what it ignores, what it must see."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import MetaParams
from mnemosyne_tf.learned import gradient_features
from mnemosyne_tf.learned.encoder import encode, performer_layer, projection
from mnemosyne_tf.learned.gradient_features import Directions
from mnemosyne_tf.variable_plan import plan_variable

# Of meta-tokens of size 1: two layers, each of sums of up to 8 terms of size 2, features of which
# the exponential is taken, a ratio of sums. Some 64 roundings.
ROUNDING = 64 * float(np.finfo(np.float32).eps)


def meta_tokens(structure, shape=(5, 9), *, seed=0, sign=1.0, change=0.0):
    """Meta-tokens of random features; `change` is added to the last weight."""
    random = np.random.RandomState(seed)
    plan = plan_variable(
        name="w", shape=shape, chunk_size=structure.chunk_size, decayed=False, orthogonalise=True
    )
    g, m, w = (sign * random.randn(3, *shape)).astype(np.float32)
    w.flat[-1] += change
    directions = Directions(tf.constant(g), tf.constant(m))
    features = gradient_features.raw_features(directions, tf.constant(w), plan)
    progress = (tf.constant(0.0), tf.constant(0.0))
    pooled = gradient_features.pool(features, plan=plan, progress=progress)
    values = MetaParams.nominal(structure).values
    return encode(values, features, pooled, plan=plan, structure=structure).numpy()[0]


@pytest.mark.parametrize("level_1", ["mean", "performer"])
@pytest.mark.parametrize(("shape", "num_chunks"), [((), 1), ((3,), 1), ((5, 9), 3), ((2, 4, 8), 4)])
def test_one_meta_token_of_unit_rms_per_chunk(small_structure, level_1, shape, num_chunks):
    tokens = meta_tokens(dataclasses.replace(small_structure, level_1=level_1), shape)
    assert tokens.shape == (num_chunks, 4)
    # 1e-6 is added to the mean square x of what is normalised: sqrt(x / (x + 1e-6)), and x is 1e-2
    # or more, since the biases of the encoders are random and tanh of them is not small.
    np.testing.assert_allclose(np.sqrt((tokens**2).mean(axis=1)), 1.0, rtol=0, atol=1e-4)


def test_mean_level_does_not_see_the_common_sign(small_structure):
    np.testing.assert_allclose(
        meta_tokens(small_structure, sign=-1.0), meta_tokens(small_structure), rtol=0, atol=ROUNDING
    )


@pytest.mark.parametrize("level_1", ["mean", "performer"])
def test_every_chunk_attends_to_a_change_in_the_last_one(small_structure, level_1):
    structure = dataclasses.replace(small_structure, level_1=level_1)
    difference = np.abs(meta_tokens(structure, change=2.0) - meta_tokens(structure))
    assert (difference.max(axis=1) > 1e-4).all()


@pytest.mark.parametrize(("level_2", "hear"), [("performer", 3), ("none", 1)])
def test_chunks_hear_of_each_other_by_level_2_alone(small_structure, level_2, hear):
    structure = dataclasses.replace(small_structure, level_2=level_2)
    values = MetaParams.nominal(structure).values
    random = np.random.RandomState(4)
    statistics, context = random.randn(1, 3, 6), random.randn(1, 1, 6).astype(np.float32)
    tokens = []
    for change in (0.0, 1.0):
        statistics[0, -1] += change
        pooled = gradient_features.PooledFeatures(tf.constant(statistics, tf.float32), context, ())
        tokens.append(encode(values, (), pooled, plan=None, structure=structure).numpy()[0])
    assert int((np.abs(tokens[1] - tokens[0]).max(axis=1) > 1e-4).sum()) == hear


def test_chunk_size_one_gives_a_meta_token_per_coordinate(small_structure):
    structure = dataclasses.replace(small_structure, level_1="performer", chunk_size=1)
    assert meta_tokens(structure, (6,)).shape == (6, 4)


def test_masked_tokens_are_not_attended_to(small_structure):
    values = MetaParams.nominal(small_structure).values
    directions = projection(small_structure, "level_2")
    tokens = np.random.RandomState(0).randn(5, 4).astype(np.float32)
    mask = tf.constant([1.0, 1.0, 1.0, 0.0, 0.0])
    masked = performer_layer(values, tokens, prefix="level_2", directions=directions, mask=mask)
    alone = performer_layer(values, tokens[:3], prefix="level_2", directions=directions)
    np.testing.assert_allclose(masked[:3], alone, rtol=0, atol=ROUNDING)


def test_parts_draw_different_directions(small_structure):
    first, second = (projection(small_structure, part) for part in ("level_2", "memory"))
    assert not np.allclose(first, second)
