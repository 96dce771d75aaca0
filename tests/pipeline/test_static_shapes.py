"""What TPUs ask of a step, shown without one: one XLA program, static shapes, no host call.

The program is lowered, not compiled: no TPU is needed to see what it would be given.
"""

import tensorflow as tf

from mnemosyne_tf import MetaParams, Mnemosyne
from mnemosyne_tf.meta_params import ZERO_HEADS
from pipeline.lab.cost import shapes, tpu_aot


def lowered(step, *args):
    """The program in StableHLO, where an unknown dimension reads as `?`."""
    return step.experimental_get_compiler_ir(*args)(stage="stablehlo")


def assert_static_and_on_the_device(text):
    assert "func" in text
    for sign_of_trouble in ("tensor<?", "x?x", "?x", "custom_call", "infeed", "outfeed", "send"):
        assert sign_of_trouble not in text, sign_of_trouble


def test_update_with_trained_heads_has_static_shapes_and_stays_on_the_device():
    nominal = MetaParams.nominal()
    values = nominal.values | {name: nominal.values[name] + 0.1 for name in ZERO_HEADS}
    optimizer = Mnemosyne(meta_params=MetaParams(nominal.structure, values), global_clipnorm=1.0)
    variables = [tf.Variable(tf.ones([12, 9]), name="kernel"), tf.Variable(tf.ones([9]), name="b")]
    optimizer.build(variables)
    step = tf.function(
        lambda gradients: optimizer.apply_gradients(zip(gradients, variables, strict=True)),
        jit_compile=True,
        autograph=False,
    )
    assert_static_and_on_the_device(lowered(step, [tf.ones([12, 9]), tf.ones([9])]))


def test_whole_training_step_has_static_shapes_and_stays_on_the_device(monkeypatch):
    monkeypatch.setattr(shapes, "VOCAB_SIZE", 64)
    text = tpu_aot.lowered_training_step("tiny")
    assert "tensor<64x128xf32>" in text  # the word embeddings
    assert_static_and_on_the_device(text)
