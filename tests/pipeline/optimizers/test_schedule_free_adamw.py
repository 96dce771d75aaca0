import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from numeric_bounds import rounding

from pipeline.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from pipeline.optimizers.schedules import LinearWarmup

RATE, B1, B2, EPSILON, DECAY, WARMUP = 0.1, 0.8, 0.95, 1e-3, 0.3, 4


def formula(weight, gradients, decay):
    """Algorithm 1 of the paper with its three sequences; returns the last y and x."""
    x = y = z = weight
    v, total = np.zeros_like(weight), 0.0
    for t, g in enumerate(gradients, start=1):
        v = B2 * v + (1 - B2) * g**2
        rate = RATE * np.sqrt(1 - B2**t) * min(1, t / WARMUP)
        z = z - rate * g / (np.sqrt(v) + EPSILON) - rate * decay * y
        total += rate**2
        c = rate**2 / total
        x = (1 - c) * x + c * z
        y = (1 - B1) * z + B1 * x
    return y, x


def make(**kwargs):
    schedule = LinearWarmup(peak=RATE, num_warmup_steps=WARMUP)
    return ScheduleFreeAdamW(schedule, B1, B2, EPSILON, DECAY, jit_compile=False, **kwargs)


def test_weights_hold_y_while_training(trained, start, gradients, error_of):
    weights = trained(make())
    for name, decay in (("dense/kernel", DECAY), ("dense/bias", 0.0)):
        expected, _ = formula(start[name], [step[name] for step in gradients], decay)
        error = error_of(lambda w, g, decay=decay: formula(w, g, decay)[0], name)
        np.testing.assert_allclose(weights[name], expected, rtol=0, atol=error)


@pytest.fixture
def run(start, gradients):
    """Returns (optimizer, variable, step(t)) of a kernel whose first three steps are done."""
    optimizer, variable = make(), tf.Variable(start["dense/kernel"], dtype=tf.float32)

    def step(t):
        gradient = tf.constant(gradients[t]["dense/kernel"], tf.float32)
        optimizer.apply_gradients([(gradient, variable)])

    for t in range(3):
        step(t)
    return optimizer, variable, step


def test_the_average_is_evaluated_and_the_training_weights_come_back(
    run, start, gradients, error_of
):
    optimizer, variable, _ = run
    y, x = formula(start["dense/kernel"], [g["dense/kernel"] for g in gradients[:3]], DECAY)
    for _ in range(2):  # the second call does nothing
        optimizer.finalize_variable_values([variable])
        error = error_of(lambda w, g: formula(w, g, DECAY)[1], "dense/kernel", steps=3)
        np.testing.assert_allclose(variable.numpy(), x, rtol=0, atol=error)
    with optimizer.evaluation_weights([variable]):
        np.testing.assert_allclose(variable.numpy(), x, rtol=0, atol=error)
    error = error_of(lambda w, g: formula(w, g, DECAY)[0], "dense/kernel", steps=3)
    np.testing.assert_allclose(variable.numpy(), y, rtol=0, atol=error)


def test_step_on_finalized_weights_continues_from_y(run, start, gradients, error_of):
    optimizer, variable, step = run
    optimizer.finalize_variable_values([variable])
    average = variable.numpy()
    optimizer.apply_gradients([(tf.fill([12, 9], np.nan), variable)])
    assert np.array_equal(variable.numpy(), average)  # a skipped step leaves the average
    for t in (3, 4, 5):
        step(t)
    # The skipped call counts for the warm-up, which is over by then, and for nothing else.
    y, _ = formula(start["dense/kernel"], [g["dense/kernel"] for g in gradients], DECAY)
    error = error_of(lambda w, g: formula(w, g, DECAY)[0], "dense/kernel")
    np.testing.assert_allclose(variable.numpy(), y, rtol=0, atol=error)


def test_before_the_first_step_the_average_is_what_the_weights_hold():
    optimizer, variable = make(), tf.Variable([1.0, 2.0])
    optimizer.build([variable])
    variable.assign([5.0, 6.0])  # weights of another run, loaded after `build`
    optimizer.finalize_variable_values([variable])
    assert variable.numpy().tolist() == [5.0, 6.0]


def test_fit_ends_with_the_average():
    model = keras.Sequential([keras.layers.Dense(1, use_bias=False, input_shape=(1,))])
    optimizer = ScheduleFreeAdamW(0.1, beta_1=0.0, weight_decay=None, jit_compile=False)
    model.compile(optimizer, loss=lambda _, y: -y)
    model.layers[0].kernel.assign([[0.0]])
    model.fit(np.ones([3, 1], np.float32), np.ones([3, 1]), batch_size=1, verbose=0)
    # With b1 = 0 and a constant gradient z = 0.1 t * (about 1), and x is nearly its plain mean.
    # Each of three steps has twenty roundings; that of 1 - 0.999 is relative to a thousandth: half
    # of 1,000 more by way of the root.
    found, expected = float(model.layers[0].kernel[0, 0]), formula_of_constant_gradient(3)
    assert found == pytest.approx(expected, rel=3 * rounding(20 + 500))


def formula_of_constant_gradient(steps):
    """x after `steps` of gradient -1 with rate 0.1, b1 = 0, b2 = 0.999."""
    x = z = total = v = 0.0
    for t in range(1, steps + 1):
        v = 0.999 * v + 0.001
        rate = 0.1 * np.sqrt(1 - 0.999**t)
        z += rate / np.sqrt(v)
        total += rate**2
        x += rate**2 / total * (z - x)
    return x


def test_moving_average_of_keras_is_refused():
    with pytest.raises(ValueError, match="use_ema=False"):
        ScheduleFreeAdamW(use_ema=True)
