"""Under mixed policies, what must be float32 is."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from models import BertPretrainer, losses
from models.fused.attention import attention_weights
from models.fused.norms import layer_norm
from models.fused.rows import gather_rows

NO_KEY = tf.zeros([2], tf.uint32)


@pytest.fixture(params=["mixed_bfloat16", "mixed_float16"])
def policy(request):
    keras.mixed_precision.set_global_policy(request.param)
    yield request.param
    keras.mixed_precision.set_global_policy("float32")


def test_gradient_of_a_row_read_a_thousand_times_counts_them_all():
    # A sum in bfloat16 stops at 256, where adding 1 changes nothing.
    table = tf.zeros([3, 2])
    with tf.GradientTape() as tape:
        tape.watch(table)
        rows = tf.cast(gather_rows(table, tf.ones([1000], tf.int32)), tf.bfloat16)
        total = tf.reduce_sum(tf.cast(rows, tf.float32))
    np.testing.assert_array_equal(tape.gradient(total, table)[1], [1000, 1000])


def test_rows_of_a_bfloat16_table_are_summed_in_float32():
    table = tf.zeros([3, 2], tf.bfloat16)
    with tf.GradientTape() as tape:
        tape.watch(table)
        rows = gather_rows(table, tf.ones([1024], tf.int32))
    gradient = tape.gradient(rows, table)
    assert gradient.dtype == tf.bfloat16
    np.testing.assert_array_equal(tf.cast(gradient[1], tf.float32), [1024, 1024])


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16])
def test_layer_norm_of_large_values_has_float32_statistics(dtype):
    # Squares of 300 are infinite in float16; the mean of 300 and 302 is 300 or 302 in bfloat16.
    inputs = tf.constant([[300.0, 302.0] * 512], dtype)
    outputs = tf.cast(layer_norm(inputs, tf.ones([1024]), tf.zeros([1024])), tf.float32)
    np.testing.assert_array_equal(outputs, [[-1.0, 1.0] * 512])


def test_softmax_over_many_keys_sums_to_one_before_it_is_rounded():
    # A bfloat16 sum of 1024 ones stops at 256: weights would be 1 / 256.
    weights = attention_weights(
        tf.zeros([1, 1, 1024, 1024], tf.bfloat16), tf.ones([1, 1024], tf.int32), NO_KEY, 0.0
    )
    assert weights.dtype == tf.bfloat16
    np.testing.assert_array_equal(tf.cast(weights[0, 0, 0], tf.float32), [1 / 1024] * 1024)


@pytest.mark.parametrize("compiled", [False, True])
def test_losses_and_gradients_are_float32(policy, bert_config, pretraining_batch, compiled):
    model, batch = BertPretrainer(bert_config), pretraining_batch()
    outputs = model(batch)
    assert {each.dtype for each in outputs.values()} == {tf.float32}
    assert model.encoder(batch)[0].dtype == policy.removeprefix("mixed_")

    @tf.function(jit_compile=compiled)
    def derive(features):
        with tf.GradientTape() as tape:
            outputs = model(features, training=True, dropout_seed=tf.constant([1, 2]))
            sums = losses.metric_sums(outputs, features)
            loss = losses.pretraining_loss(sums, losses.loss_weights(features))
        return loss, tape.gradient(loss, model.trainable_variables)

    loss, gradients = derive({name: tf.constant(value) for name, value in batch.items()})
    # At first all words and both labels are about equally likely: weights have deviation 0.02.
    assert abs(loss - np.log(50) - np.log(2)) < 0.2
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert variable.dtype == gradient.dtype == tf.float32
        assert np.isfinite(gradient).all()
