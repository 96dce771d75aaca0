import pathlib

import numpy as np
import tensorflow as tf
import tf_keras as keras

from pipeline.lab.vit_scale.without_memory import variables_without_memory

_MEGABYTE = 1 << 20


def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4_096


def test_a_large_layer_takes_no_memory_and_can_be_read():
    keras.layers.Dense(1).build([None, 8])  # what is loaded once
    before = resident()
    with variables_without_memory():
        layer = keras.layers.Dense(1_000)
        layer.build([None, 250_000])  # a kernel of 1,000 MB
    assert layer.kernel.shape == (250_000, 1_000)
    # A tenth of it, for what the interpreter may take meanwhile.
    assert resident() - before < 100 * _MEGABYTE
    np.testing.assert_array_equal(layer.kernel[:1], np.zeros([1, 1_000]))


def test_small_variables_keep_their_values():
    with variables_without_memory():
        small = tf.Variable([1.0, 2.0])
        number = tf.Variable(7, dtype=tf.int64)
    np.testing.assert_array_equal(small, [1, 2])
    assert int(number) == 7
