import numpy as np
import tensorflow as tf

from pipeline.optimizers.base import RulePlan
from pipeline.optimizers.nadamw import NAdamW


def test_variables_of_one_plan_share_one_compiled_rule():
    optimizer = NAdamW()
    names = ("a/kernel", "b/kernel", "a/bias", "b/bias")
    optimizer.build([tf.Variable(tf.ones([4, 4]), name=name) for name in names])
    assert set(optimizer._rules) == {RulePlan((4, 4), decayed) for decayed in (True, False)}


def test_half_precision_weight_takes_the_rounded_float32_step():
    start, gradient = np.float16([1.0, -0.3]), np.float16([1e-4, 2.0])
    half, full = tf.Variable(start), tf.Variable(start.astype(np.float32))
    for weight in (half, full):
        optimizer = NAdamW(0.1, jit_compile=False)
        optimizer.apply_gradients([(tf.cast(gradient, weight.dtype), weight)])
    assert half.numpy().tolist() == full.numpy().astype(np.float16).tolist()


def test_a_second_build_keeps_the_state():
    optimizer, variable = NAdamW(jit_compile=False), tf.Variable([1.0])
    optimizer.apply_gradients([(tf.constant([1.0]), variable)])
    before = [value.numpy() for value in optimizer.variables]
    optimizer.build([variable])
    assert [value.numpy() for value in optimizer.variables] == before
