import numpy as np
import tensorflow as tf
import tf_keras as keras

from pipeline.run import precision


def test_layers_of_the_context_compute_in_half_and_keep_float32_weights():
    with precision.layers_compute_in("bfloat16"):
        layer = keras.layers.Dense(2)
    assert layer(tf.ones([1, 3])).dtype == tf.bfloat16
    assert layer.kernel.dtype == tf.float32
    assert keras.layers.Dense(2)(tf.ones([1, 3])).dtype == tf.float32


def test_scale_halves_after_an_overflow_and_doubles_after_steps_without_one():
    scale = precision.LossScale(initial=8.0, growth_steps=2)
    seen = []
    for finite in (False, True, True, True, False):
        scale.update(tf.constant(finite))
        seen.append(float(scale.value))
    assert seen == [4.0, 4.0, 8.0, 8.0, 4.0]


def test_scale_stays_between_1_and_2_to_the_24():
    scale = precision.LossScale(initial=1.0, growth_steps=1)
    scale.update(tf.constant(False))
    assert float(scale.value) == 1.0
    for _ in range(30):
        scale.update(tf.constant(True))
    assert float(scale.value) == 2.0**24


def test_scale_is_saved_with_the_optimizer(tmp_path):
    optimizers = [keras.optimizers.SGD(0.1) for _ in range(2)]
    for optimizer in optimizers:
        optimizer.build([tf.Variable(1.0)])
        precision.add_loss_scale(optimizer, "float16")
    optimizers[0].loss_scale.value.assign(64.0)
    path = tf.train.Checkpoint(optimizer=optimizers[0]).save(str(tmp_path / "ckpt"))
    tf.train.Checkpoint(optimizer=optimizers[1]).restore(path).assert_consumed()
    np.testing.assert_equal(float(optimizers[1].loss_scale.value), 64.0)
