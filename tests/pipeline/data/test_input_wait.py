import time

import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.input_wait import InputWait

STEPS, PAUSE = 5, 0.02


def pause(value):
    time.sleep(PAUSE)
    return value


def slow(value):
    """The value, at least PAUSE seconds later."""
    result = tf.numpy_function(pause, [value], value.dtype)
    result.set_shape(value.shape)
    return result


def run(dataset, step):
    """Returns the sum of all steps, the seconds waited and the seconds in all."""
    wait = InputWait()

    @tf.function
    def steps(iterator):
        total = tf.constant(0.0)
        for _ in tf.range(STEPS):
            total += step(wait.next_batch(iterator, after=total))
        return total

    iterator = iter(dataset)
    started = time.perf_counter()
    total = float(steps(iterator))
    seconds = time.perf_counter() - started
    waited = wait.take()
    assert wait.take() == 0.0
    return total, waited, seconds


def numbers():
    return tf.data.Dataset.range(STEPS).map(lambda x: tf.cast(x, tf.float32))


def test_slow_input_is_time_waited():
    total, waited, seconds = run(numbers().map(slow), step=lambda batch: batch)
    assert total == 0 + 1 + 2 + 3 + 4
    # Sleeping takes at least as long as was asked for, on any machine.
    assert STEPS * PAUSE <= waited <= seconds


def test_slow_steps_are_no_time_waited():
    total, waited, seconds = run(numbers(), step=slow)
    assert total == 0 + 1 + 2 + 3 + 4
    # Every step sleeps behind the second clock of its batch and ahead of the first one of the next.
    assert 0 <= waited <= seconds - (STEPS - 1) * PAUSE


def test_fraction_of_no_time_is_nothing():
    assert InputWait().fraction_of(0.0) == 0.0


def test_a_distributed_batch_is_passed_on(two_replicas):
    dataset = two_replicas.experimental_distribute_dataset(numbers().batch(4))
    batch = InputWait().next_batch(iter(dataset), after=[])
    halves = two_replicas.experimental_local_results(batch)
    np.testing.assert_array_equal(np.concatenate(halves), [0, 1, 2, 3])


@pytest.mark.parametrize("waited", [0.0, 0.5, 3.0])
def test_fraction_is_of_the_seconds_given_and_starts_anew(waited):
    wait = InputWait()
    wait._seconds.assign(waited)
    assert wait.fraction_of(2.0) == min(1.0, waited / 2.0)
    assert wait.fraction_of(2.0) == 0.0


def test_no_step_can_begin_before_the_second_clock_is_read():
    """With a single thread, the clock would else be read behind the step."""
    wait = InputWait()

    @tf.function
    def step(iterator):
        batch = wait.next_batch(iterator, after=[])
        assert [op.type for op in batch.op.control_inputs] == ["Timestamp"]
        return batch

    step.get_concrete_function(iter(numbers()))
