import numpy as np
import pytest
import tensorflow as tf

from pipeline.gradient_accumulation import accumulated, num_micro_batches


def test_sums_are_those_of_the_whole_and_every_part_knows_its_place():
    values = tf.range(12.0)[:, None]
    seen = []

    def gradients_and_sums(features, first_sequence):
        tf.py_function(lambda first: seen.append(int(first)), [first_sequence], [])
        return [tf.reduce_sum(features["x"], axis=0)], tf.fill([8], tf.reduce_sum(features["x"]))

    @tf.function
    def run():
        return accumulated(gradients_and_sums, {"x": values}, tf.constant(24), [(1,)], 3)

    (gradient,), sums = run()
    np.testing.assert_array_equal(gradient, [66.0])
    np.testing.assert_array_equal(sums, [66.0] * 8)
    assert seen == [24, 28, 32]


@pytest.mark.parametrize(("share", "size", "parts"), [(8, 0, 1), (8, 8, 1), (8, 2, 4), (8, 1, 8)])
def test_number_of_micro_batches(share, size, parts):
    assert num_micro_batches(share, size) == parts


@pytest.mark.parametrize(("size", "fits"), [(5, 4), (3, 2), (16, 8)])
def test_a_size_that_does_not_divide_is_refused_with_one_that_does(size, fits):
    with pytest.raises(ValueError, match=f"divide the 8 .* --set train.micro_batch_size={fits},"):
        num_micro_batches(8, size)
