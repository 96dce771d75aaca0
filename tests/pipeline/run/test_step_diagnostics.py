import numpy as np
import pytest
import tensorflow as tf

from pipeline.run.step_diagnostics import StepSizes


def scalars_in(directory):
    """(tag, step) -> value, of all event files."""
    files = sorted(directory.glob("events.out.tfevents*"))
    found = {}
    for record in tf.data.TFRecordDataset([str(file) for file in files]):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_each_watched_step_is_written_by_variable(tmp_path):
    kernel = tf.Variable([[3.0, 4.0], [0.0, 0.0]], name="dense/kernel")
    bias = tf.Variable([0.0, 0.0], name="dense/bias")
    step_sizes = StepSizes([kernel, bias], tmp_path, 10)
    assert [step for step in range(1, 31) if step_sizes.watches(step)] == [10, 20, 30]
    with step_sizes.watch(10):
        kernel.assign_add([[0.5, 0.5], [0.5, -0.5]])
    kernel.assign_add([[100.0, 0.0], [0.0, 0.0]])  # not watched
    with step_sizes.watch(20):
        bias.assign([1.0, 7.0])
    assert scalars_in(tmp_path) == pytest.approx(
        {
            ("step_rms/dense/kernel", 10): 0.5,
            ("relative_step/dense/kernel", 10): 0.5 / 2.5,
            ("step_rms/dense/bias", 10): 0.0,
            ("step_rms/dense/kernel", 20): 0.0,
            ("relative_step/dense/kernel", 20): 0.0,
            ("step_rms/dense/bias", 20): 5.0,
        }
    )


def test_learned_multipliers_of_the_step_are_written_where_there_are_any(tmp_path):
    variables = [tf.Variable([1.0], name=name) for name in ("kernel", "bias")]
    learned = [1.0, 1.0]
    with StepSizes(variables, tmp_path, 3, lambda: learned).watch(3):
        learned[:] = [0.5, 2.0]
    scalars = scalars_in(tmp_path)
    assert scalars["multiplier/kernel", 3] == 0.5 and scalars["multiplier/bias", 3] == 2.0


def test_a_step_of_half_precision_weights_is_measured_in_full(tmp_path):
    variable = tf.Variable(tf.fill([3], tf.constant(1.0, tf.float16)), name="v")
    with StepSizes([variable], tmp_path, 1).watch(1):
        variable.assign_add(tf.fill([3], tf.constant(np.float16(0.25))))
    assert scalars_in(tmp_path)["step_rms/v", 1] == 0.25
