import numpy as np
import tensorflow as tf
from numeric_bounds import chance, rounding

from models.seeded_dropout import SeededDropout

ONES = tf.ones([100, 1000])


def test_inference_and_rate_zero_change_nothing():
    np.testing.assert_array_equal(SeededDropout(0.5, 0)(ONES, training=False), ONES)
    np.testing.assert_array_equal(SeededDropout(0.0, 0)(ONES, training=True), ONES)


def test_share_dropped_and_mean_kept():
    output = SeededDropout(0.1, 0)(ONES, training=True, seed=tf.constant([1, 2])).numpy()
    assert abs((output == 0).mean() - 0.1) < chance(ONES.shape.num_elements(), 0.1)
    # The factor is rounded once, its product with 1 is exact.
    np.testing.assert_allclose(output[output != 0], 1 / 0.9, rtol=rounding(1))


def test_same_seed_same_mask_and_other_seed_or_site_another():
    def mask(site, seed):
        return SeededDropout(0.5, site)(ONES, training=True, seed=tf.constant(seed)).numpy() == 0

    np.testing.assert_array_equal(mask(0, [1, 2]), mask(0, [1, 2]))
    for other in (mask(0, [1, 3]), mask(0, [2, 2]), mask(1, [1, 2])):
        # Independent masks agree on half of the entries.
        agreeing = (other == mask(0, [1, 2])).mean()
        assert abs(agreeing - 0.5) < chance(ONES.shape.num_elements(), 0.5, comparisons=3)


def test_without_a_seed_the_global_generator_decides():
    layer = SeededDropout(0.5, 0)
    assert (layer(ONES, training=True).numpy() != layer(ONES, training=True).numpy()).any()
