import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from event_files import scalars_in

from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.recipes.sections import OptimizerConfig
from pipeline.run.watching.step_diagnostics import StepDiagnostics
from pipeline.run.watching.tensorboard import RunScalars


class Optimizer:
    """What diagnostics ask of an optimizer of no kind that we know."""

    learning_rate = 0.25
    iterations = 9


class Learned(Optimizer):
    """One that multiplies its steps."""

    def __init__(self):
        self.multipliers = [1.0, 1.0]

    def step_multipliers(self):
        return self.multipliers

    def step_sizes(self, step):
        return {9: [0.25, 0.75]}[step]


def diagnostics(tmp_path, variables, optimizer=None, **settings):
    scalars = RunScalars(tmp_path)
    settings = {"log": lambda row: None, **settings}
    return StepDiagnostics(variables, optimizer or Optimizer(), scalars, 10, **settings)


def test_each_watched_step_is_written_by_variable(tmp_path):
    kernel = tf.Variable([[3.0, 4.0], [0.0, 0.0]], name="dense/kernel")
    bias = tf.Variable([0.0, 0.0], name="dense/bias")
    steps = diagnostics(tmp_path, [kernel, bias], by_variable=True)
    assert [step for step in range(1, 31) if steps.watches(step)] == [10, 20, 30]
    with steps.watch(10):
        kernel.assign_add([[0.5, 0.5], [0.5, -0.5]])
    kernel.assign_add([[100.0, 0.0], [0.0, 0.0]])  # not watched
    with steps.watch(20):
        bias.assign([1.0, 7.0])
    found = scalars_in(tmp_path / "train")
    assert {key: value for key, value in found.items() if "dense" in key[0]} == pytest.approx(
        {
            ("step_rms/dense/kernel", 10): 0.5,
            ("relative_step/dense/kernel", 10): 0.5 / 2.5,
            ("step_rms/dense/bias", 10): 0.0,
            ("step_rms/dense/kernel", 20): 0.0,
            ("relative_step/dense/kernel", 20): 0.0,
            ("step_rms/dense/bias", 20): 5.0,
        }
    )


def test_variables_of_one_role_are_one_group(tmp_path):
    names = ("layer_0/attention/query/kernel", "layer_1/attention/key/kernel")
    kernels = [
        tf.Variable(tf.fill([8, 8], value), name=name)
        for name, value in zip(names, (3.0, 4.0), strict=True)
    ]
    bias = tf.Variable([0.0], name="dense/bias")
    with diagnostics(tmp_path, [*kernels, bias]).watch(10):
        kernels[0].assign_add(tf.fill([8, 8], 0.6))
        kernels[1].assign_sub(tf.fill([8, 8], 0.8))
        bias.assign([1.0])
    # sqrt(64 * (0.6^2 + 0.8^2) / (64 * (3^2 + 4^2))); the bias was zero.
    expected = {("relative_step/query_and_key", 10): 0.2, ("learning_rate", 10): 0.25}
    assert scalars_in(tmp_path / "train") == pytest.approx(expected)


def test_roles_are_logged_and_single_variables_are_not(tmp_path):
    variable, rows = tf.Variable([2.0], name="a/bias"), []
    with diagnostics(tmp_path, [variable], by_variable=True, log=rows.append).watch(10):
        variable.assign([3.0])
    row = {"step": 10, "split": "steps", "learning_rate": 0.25, "relative_step/bias": 0.5}
    assert rows == [row]


def test_learned_multipliers_of_the_step_are_written_where_there_are_any(tmp_path):
    variables = [tf.Variable([1.0], name=f"{layer}/bias") for layer in "ab"]
    learned = Learned()
    with diagnostics(tmp_path, variables, learned, by_variable=True).watch(10):
        learned.multipliers = [0.5, 8.0]
    scalars = scalars_in(tmp_path / "train")
    assert (scalars["multiplier/a/bias", 10], scalars["multiplier/b/bias", 10]) == (0.5, 8.0)
    assert scalars["multiplier/bias", 10] == pytest.approx(2.0)  # the geometric mean
    assert scalars["step_size/bias", 10] == 0.5


def test_a_step_of_half_precision_weights_is_measured_in_full(tmp_path):
    variable = tf.Variable(tf.fill([3], tf.constant(1.0, tf.float16)), name="v")
    with diagnostics(tmp_path, [variable], by_variable=True).watch(10):
        variable.assign_add(tf.fill([3], tf.constant(np.float16(0.25))))
    assert scalars_in(tmp_path / "train")["step_rms/v", 10] == 0.25


def test_a_large_variable_is_measured_by_a_sample_of_all_its_columns(tmp_path):
    width = 64
    table = tf.Variable(tf.ones([4_096, width]), name="table")
    moved = np.zeros([4_096, width], np.float32)
    moved[:, ::2] = 0.5  # every other column: a stride that divides the width would miss them
    with diagnostics(tmp_path, [table], by_variable=True).watch(10):
        table.assign_add(moved)
    # A stride that is coprime to the width goes through all columns alike: of 16,384 or less, the
    # last round of 64 may be cut off.
    expected = math.sqrt(0.5**2 / 2)
    found = scalars_in(tmp_path / "train")["step_rms/table", 10]
    assert found == pytest.approx(expected, rel=64 / 15_000)


@pytest.mark.parametrize("name", ["mnemosyne", "adamw", "lamb"])
def test_gradient_norm_of_the_watched_step_is_that_before_clipping(tmp_path, name):
    rate = 1.0 if name == "mnemosyne" else 0.1
    optimizer = make_optimizer(OptimizerConfig(name=name, learning_rate=rate), 10, 7)
    variables = [tf.Variable(tf.ones([4]), name="a/bias"), tf.Variable(tf.ones([2]), name="b/bias")]
    optimizer.build(variables)
    steps = diagnostics(tmp_path, variables, optimizer)
    with steps.watch(10):
        optimizer.apply_gradients(
            [(tf.fill([4], 30.0), variables[0]), (tf.zeros([2]), variables[1])]
        )
    optimizer.apply_gradients([(tf.ones([4]), variables[0]), (tf.ones([2]), variables[1])])
    assert scalars_in(tmp_path / "train")["gradient_norm", 10] == 60.0  # sqrt(4 * 30^2)
    assert optimizer.gradient_norm == 60.0  # the other step was not watched


def test_the_learning_rate_is_that_of_the_watched_step(tmp_path):
    variable = tf.Variable([1.0], name="a/bias")
    settings = {"warmup_fraction": 0.0, "learning_rate": 0.5}
    optimizer = make_optimizer(OptimizerConfig(name="adamw", **settings), 4, 7)
    optimizer.build([variable])
    steps = diagnostics(tmp_path, [variable], optimizer)
    for step in (10, 20, 30):
        with steps.watch(step):
            optimizer.apply_gradients([(tf.ones([1]), variable)])
    found = scalars_in(tmp_path / "train")
    assert [found["learning_rate", step] for step in (10, 20, 30)] == [0.5, 0.375, 0.25]


def test_watching_changes_neither_the_state_of_an_optimizer_nor_its_checkpoint(tmp_path):
    variable = tf.Variable([1.0, 2.0], name="a/bias")
    optimizer = make_optimizer(OptimizerConfig(name="adamw", learning_rate=0.1), 10, 7)
    optimizer.build([variable])
    names = [each.name for each in optimizer.variables]
    diagnostics(tmp_path, [variable], optimizer)
    assert [each.name for each in optimizer.variables] == names
    saved = tf.train.Checkpoint(optimizer=optimizer).save(str(tmp_path / "ckpt"))
    assert not [key for key, _ in tf.train.list_variables(saved) if "norm" in key]


def test_a_watched_step_under_two_replicas_has_the_norm_of_the_summed_gradient(
    two_replicas, tmp_path
):
    with two_replicas.scope():
        variable = tf.Variable([1.0, 1.0], name="a/bias")
        optimizer = make_optimizer(OptimizerConfig(name="lamb", learning_rate=0.1), 10, 7)
        optimizer.build([variable])
    steps = diagnostics(tmp_path, [variable], optimizer)

    @tf.function
    def step():
        def replica_step():
            optimizer.apply_gradients([(tf.constant([3.0, 4.0]), variable)])

        two_replicas.run(replica_step)

    with steps.watch(10):
        step()
    step()
    found = scalars_in(tmp_path / "train")
    assert found["gradient_norm", 10] == 10.0  # of [6, 8]
    assert found["relative_step/bias", 10] > 0


def test_an_optimizer_of_keras_has_no_norm_to_give(tmp_path):
    variable = tf.Variable([1.0], name="a/bias")
    optimizer = keras.optimizers.SGD(0.5)
    with diagnostics(tmp_path, [variable], optimizer).watch(10):
        optimizer.apply_gradients([(tf.ones([1]), variable)])
    expected = {("relative_step/bias", 10): 0.5, ("learning_rate", 10): 0.5}
    assert scalars_in(tmp_path / "train") == expected
