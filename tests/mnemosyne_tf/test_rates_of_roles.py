"""Rates and horizons by role, as the optimizer moves and as its summary prints them."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.parameter_roles import RATE_ENTRIES, ROLES

EPS = float(np.finfo(np.float32).eps)

ROLE_RATES = {"position table": 4.0, "value/output": 2.0, "norm": 0.5}
OF_ROLES = {
    "position_embeddings": 4.0,
    "word_embeddings": 1.0,
    "layer_0/attention/value/kernel": 2.0,
    "layer_0/attention/query/kernel": 1.0,
    "dense/kernel": 1.0,
    "layer_norm/gamma": 0.5,
    "temperature": 1.0,
}


def test_role_without_a_rate_is_that_of_a_layer_that_is_not_known():
    assert set(ROLES) - set(RATE_ENTRIES) == {"kernel", "other"}


@pytest.mark.parametrize("jit_compile", [False, True])
def test_variables_of_one_program_move_at_the_rates_of_their_roles(jit_compile):
    """A rate that is a power of two is exact, so all first steps are one number times it."""
    shapes = {name: (8,) if name in ("layer_norm/gamma", "temperature") else (8, 8)
              for name in OF_ROLES}  # fmt: skip
    variables = [tf.Variable(tf.zeros(shape), name=name) for name, shape in shapes.items()]
    optimizer = Mnemosyne(
        role_rates=ROLE_RATES,
        role_horizons={"position table": 1.0},  # another average has other roundings
        weight_decay=None,
        orthogonalise=False,
        jit_compile=jit_compile,
    )
    optimizer.apply_gradients([(tf.ones_like(each), each) for each in variables])
    assert len(optimizer._updates) == 2  # of the two shapes
    unit = {rank: variables[index].numpy().ravel()[0] for rank, index in ((2, 1), (1, 6))}
    for variable, rate in zip(variables, OF_ROLES.values(), strict=True):
        expected = np.full(variable.shape, rate * unit[len(variable.shape)])
        np.testing.assert_array_equal(variable.numpy(), expected, err_msg=variable.name)


def test_summary_and_step_sizes_have_rates_and_horizons_of_roles():
    variables = [tf.Variable(tf.zeros([8, 8]), name=name) for name in ("value/kernel", "w/kernel")]
    of_role = {"role_rates": {"value/output": 2.0}, "role_horizons": {"value/output": 5.0}}
    optimizer = Mnemosyne(**of_role, meta_params="nominal")
    optimizer.build(variables)
    of_value, of_other = optimizer.step_sizes(500)
    assert of_value == 2 * of_other
    lines = []
    optimizer.summary(print_fn=lines.append, step=500)
    header, value, other = (" ".join(line.split()) for line in lines[:3])
    assert "rate horizon step size at 500" in header
    assert f" x 2 x 5 {of_value:.3g} " in value and f" x 1 x 1 {of_other:.3g} " in other


def test_users_role_has_the_rate_of_that_role():
    roles = {"lookup": "position table"}
    optimizer = Mnemosyne(parameter_roles=roles, role_rates=ROLE_RATES, meta_params="nominal")
    optimizer.build([tf.Variable(tf.zeros([8, 8]), name=name) for name in ("lookup", "other")])
    assert optimizer.step_sizes(99) == pytest.approx([4 * 0.004, 0.012], rel=EPS)
    again = Mnemosyne.from_config(optimizer.get_config())
    assert again.meta_params.fingerprint() == optimizer.meta_params.fingerprint()
