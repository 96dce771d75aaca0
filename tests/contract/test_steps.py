"""Contract of every optimizer: what a step does and leaves alone."""

import numpy as np
import pytest
import tensorflow as tf


def test_state_keeps_its_structure_the_step_its_trace_and_a_graph_equals_eager(contestant, problem):
    optimizer, variables = contestant.make(), problem.variables()
    step = problem.graph_step(optimizer, variables)
    before = [(state.name, state.shape, state.dtype) for state in optimizer.variables]
    for t in range(3):
        step(problem.gradients(t))
    assert [(state.name, state.shape, state.dtype) for state in optimizer.variables] == before
    assert step.experimental_get_tracing_count() == 1
    assert int(optimizer.iterations) == 3
    eager = problem.trained(contestant.make())
    np.testing.assert_allclose(problem.flat(variables), eager, rtol=0, atol=contestant.bound(3))


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16, tf.float32], ids=lambda d: d.name)
def test_weights_of_every_precision_go_downhill(contestant, dtype):
    contestant.must_be_trained()
    if dtype == tf.bfloat16:
        contestant.left_out(["adamw"], "Keras's stands still, b2 = 0.999 rounds to 1 in bfloat16")
        contestant.left_out(["mnemosyne_performer"], "its heads here make steps below half a bit")
    variable = tf.Variable(tf.cast(tf.fill([8, 8], 0.3), dtype), name="kernel")
    optimizer = contestant.make()
    for _ in range(5):
        optimizer.apply_gradients([(variable, variable)])
    assert variable.dtype == dtype
    assert 0.0 < float(tf.reduce_mean(tf.cast(variable, tf.float32))) < 0.299
    state = [value for value in optimizer.variables if value.dtype.is_floating]
    assert all(np.isfinite(np.float32(value.numpy())).all() for value in state)


def test_state_of_half_precision_weights_is_float32(contestant, problem):
    contestant.must_be_ours("its state has the precision of the weights")
    optimizer = contestant.make()
    optimizer.build(problem.variables(tf.float16))
    kinds = {state.dtype for state in optimizer.variables}
    assert kinds == {tf.int64, tf.float32}


def test_sparse_gradient_equals_its_dense_sum(contestant):
    tables = [tf.Variable(tf.ones([10, 4]), name="embeddings") for _ in range(2)]
    optimizers = [contestant.make() for _ in tables]
    for t in range(3):
        rows = tf.constant(np.random.RandomState(t).randn(3, 4), tf.float32)
        sparse = tf.IndexedSlices(rows, tf.constant([7, t, 7]), tf.constant([10, 4]))
        for optimizer, table, gradient in zip(
            optimizers, tables, [sparse, tf.convert_to_tensor(sparse)], strict=True
        ):
            optimizer.apply_gradients([(gradient, table)])
    np.testing.assert_allclose(tables[0], tables[1], rtol=0, atol=contestant.bound(3))
    assert tables[0].numpy().std() > 0


def test_empty_sparse_gradient_equals_zeros(contestant):
    tables = [tf.Variable(tf.ones([10, 4]), name="embeddings") for _ in range(2)]
    empty = tf.IndexedSlices(
        tf.zeros([0, 4]), tf.zeros([0], tf.int32), dense_shape=tf.constant([10, 4])
    )
    for table, gradient in zip(tables, [empty, tf.zeros([10, 4])], strict=True):
        contestant.make().apply_gradients([(gradient, table)])
    np.testing.assert_allclose(tables[0], tables[1], rtol=0, atol=contestant.bound(1))


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_variable_without_a_gradient_stays(contestant, problem):
    optimizer, variables = contestant.make(), problem.variables()
    before = [variable.numpy() for variable in variables]
    problem.apply(optimizer, [problem.gradients(0)[0], None, None], variables)
    moved = [not np.array_equal(a, b.numpy()) for a, b in zip(before, variables, strict=True)]
    assert moved == [True, False, False]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_step_with_a_bad_gradient_is_skipped_and_counted(contestant, problem, bad):
    optimizer, variables = contestant.make(), problem.variables()
    problem.apply(optimizer, problem.gradients(0), variables)
    counters = (optimizer.iterations, optimizer.applied_steps, optimizer.skipped_steps)
    others = [value for value in optimizer.variables if not any(value is c for c in counters)]
    kept = [*variables, *others]
    before = [value.numpy() for value in kept]
    kernel, bias, _ = problem.gradients(1)
    problem.apply(optimizer, [kernel, bias, tf.constant(bad)], variables)
    for expected, value in zip(before, kept, strict=True):
        assert np.array_equal(expected, value.numpy())
    assert [int(counter) for counter in counters] == [2, 1, 1]
    problem.apply(optimizer, problem.gradients(1), variables)
    assert not np.array_equal(before[0], variables[0].numpy())
