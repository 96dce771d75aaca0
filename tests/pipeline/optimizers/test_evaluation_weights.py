"""Evaluation, checkpoints and restoring of an optimizer that is evaluated at other weights."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from numeric_bounds import rounding

from pipeline.optimizers.base import evaluation_weights
from pipeline.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from pipeline.run import checkpoints


def started(optimizer):
    """Returns (optimizer, variable, step): a vector at [0, 0] with gradients that vary."""
    variable = tf.Variable([0.0, 0.0])
    optimizer.build([variable])

    def step(t):
        gradient = tf.constant(np.random.RandomState(t).randn(2).astype(np.float32))
        optimizer.apply_gradients([(gradient, variable)])

    return optimizer, variable, step


def schedule_free():
    return started(ScheduleFreeAdamW(0.1, jit_compile=False))


def test_average_is_there_while_it_lasts():
    optimizer, variable, step = schedule_free()
    for t in range(3):
        step(t)
    trained_at = variable.numpy()
    with evaluation_weights(optimizer, [variable]):
        average = variable.numpy()
    assert np.array_equal(variable.numpy(), trained_at)  # not a bit is lost on the way
    lead = optimizer._states[0]["lead"].numpy()
    np.testing.assert_allclose(average, trained_at - 0.1 * lead, rtol=0, atol=rounding(2))
    assert np.abs(average - trained_at).min() > 1e-4


def test_training_weights_come_back_after_an_error():
    optimizer, variable, step = schedule_free()
    for t in range(3):
        step(t)
    trained_at = variable.numpy()
    with pytest.raises(KeyboardInterrupt), evaluation_weights(optimizer, [variable]):
        raise KeyboardInterrupt
    assert np.array_equal(variable.numpy(), trained_at)


def test_most_optimizers_are_evaluated_where_they_train():
    # `finalize_variable_values` would overwrite the weights for good: it is for the end.
    optimizer, variable, step = started(keras.optimizers.Adam(0.1, use_ema=True))
    step(0)
    before = variable.numpy()
    with evaluation_weights(optimizer, [variable]):
        assert np.array_equal(variable.numpy(), before)
    assert np.array_equal(variable.numpy(), before)


class OneVector(keras.Model):
    def __init__(self, variable):
        super().__init__()
        self.vector = variable


def test_checkpoint_keeps_the_average_and_continues_bit_for_bit(tmp_path):
    def start():
        optimizer, variable, step = schedule_free()
        checkpoint = checkpoints.TrainingCheckpoint(
            str(tmp_path / "checkpoints"),
            model=OneVector(variable),
            optimizer=optimizer,
            step=tf.Variable(3, dtype=tf.int64),
        )
        return optimizer, variable, step, checkpoint

    optimizer, variable, step, checkpoint = start()
    for t in range(3):
        step(t)
    trained_at = variable.numpy()
    checkpoint.save()
    assert np.array_equal(variable.numpy(), trained_at)
    with evaluation_weights(optimizer, [variable]):
        average = variable.numpy()
    _, resumed, resumed_step, checkpoint = start()
    assert checkpoint.restore()
    with evaluation_weights(checkpoint._optimizer, [resumed]):
        assert np.array_equal(resumed.numpy(), average)
    for t in (3, 4):
        step(t)
        resumed_step(t)
    assert np.array_equal(resumed.numpy(), variable.numpy())
    evaluated = OneVector(tf.Variable([0.0, 0.0]))
    checkpoints.load_pretrained_model(evaluated, tmp_path)
    assert np.array_equal(evaluated.vector.numpy(), average)
