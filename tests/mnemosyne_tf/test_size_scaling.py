"""How the built-in rates follow the size of a model."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.size_scaling import scale_rates
from mnemosyne_tf.variable_plan import plan_variable


def scales(*variables):
    plans = [
        plan_variable(name=name, shape=shape, chunk_size=1024, decayed=True, orthogonalise=True)
        for name, shape in variables
    ]
    return [plan.rate_scale for plan in scale_rates([name for name, _ in variables], plans)]


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("word_embeddings/embeddings", (30_522, 768), 64 / 768),
        ("word_embeddings/embeddings", (2_048, 64), 1.0),
        ("word_embeddings/embeddings", (2_048, 32), 1.0),  # nothing is raised
        ("position_embeddings/embeddings", (512, 768), 64 / 768),
        ("next_sentence/kernel", (768, 2), 64 / 768),
        ("layer_norm/gamma", (768,), 1.0),
        ("temperature", (), 1.0),
        ("query/kernel", (768, 768), 1.0),
    ],
)
def test_tables_and_readouts_move_as_one_over_their_width(name, shape, expected):
    assert scales((name, shape)) == [expected]


def test_matrices_share_the_steps_of_thirteen():
    matrix, bias = ("dense/kernel", (16, 16)), ("dense/bias", (16,))
    assert scales(*[matrix] * 13) == [1.0] * 13
    assert scales(*[matrix, bias] * 26) == [0.5, 1.0] * 26


@pytest.mark.parametrize("size_scaling", [True, False])
def test_first_step_of_the_optimizer_is_scaled(size_scaling):
    table = tf.Variable(tf.zeros([256, 128]), name="word_embeddings")
    bias = tf.Variable(tf.zeros([128]), name="bias")
    optimizer = Mnemosyne(size_scaling=size_scaling)
    optimizer.apply_gradients([(tf.ones_like(each), each) for each in (table, bias)])
    step = -0.008 / 100  # the first of a hundred of warm-up
    np.testing.assert_allclose(bias, np.full(128, step), rtol=1e-5)
    expected = step / 2 if size_scaling else step
    np.testing.assert_allclose(table, np.full([256, 128], expected), rtol=1e-5)
    assert optimizer.get_config()["size_scaling"] is size_scaling
