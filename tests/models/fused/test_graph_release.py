import weakref

import pytest
import tensorflow as tf

from models.fused.graph_release import graphs_released_at_end


@tf.custom_gradient
def _doubled(x):
    return 2.0 * x, lambda upstream: 2.0 * upstream


def _traced():
    """A function with a custom gradient, and a weak reference to its graph."""

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = _doubled(x)
        return tape.gradient(y, x)

    concrete = slope.get_concrete_function(tf.TensorSpec([3]))
    return concrete, weakref.ref(concrete.graph)


def test_the_graph_of_a_function_that_is_gone_is_collected():
    with graphs_released_at_end():
        function, graph = _traced()
        del function
    assert graph() is None


def test_a_function_that_is_kept_still_runs():
    with graphs_released_at_end():
        function, _ = _traced()
    assert function(tf.ones([3])).numpy().tolist() == [2.0, 2.0, 2.0]


def test_gradients_of_before_stay():
    @tf.function
    def double(x):
        return _doubled(x)

    concrete = double.get_concrete_function(tf.TensorSpec([3]))
    with graphs_released_at_end():
        _traced()
    x = tf.ones([3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = concrete(x)
    assert tape.gradient(y, x).numpy().tolist() == [2.0, 2.0, 2.0]


def test_graphs_are_released_after_an_error_too():
    graphs = []
    with pytest.raises(FloatingPointError), graphs_released_at_end():
        graphs.append(_traced()[1])
        raise FloatingPointError
    assert graphs[0]() is None
