"""The twin on cases worked out by hand."""

import numpy as np
import pytest

from mnemosyne_tf import MetaParams, Structure, reference
from mnemosyne_tf.update_rule import RuleSettings
from mnemosyne_tf.variable_plan import plan_variable


def test_first_nominal_step_of_a_vector_is_the_sign_of_its_gradient():
    meta_params = MetaParams.nominal(Structure(chunk_size=2, width=4, num_random_features=4))
    meta_params = meta_params.without("run_scaling")
    plan = plan_variable(name="v", shape=(3,), chunk_size=2, decayed=True, orthogonalise=True)
    state = reference.ReferenceState.start(np.array([1.0, 2.0, 3.0]), plan, meta_params)
    reference.update(
        meta_params,
        np.array([5.0, -0.1, 0.0]),
        state,
        iterations=0,
        applied_steps=0,
        learning_rate=1.0,
        plan=plan,
        settings=RuleSettings(total_steps=10, weight_decay=0.5),
    )
    # Warm-up of one step; decay 0.5 w; RMS of (1, -1, 0) is below 1 and is left alone.
    expected = np.array([1.0, 2.0, 3.0]) - 4e-3 * np.array([1 + 0.5, -1 + 1.0, 1.5])
    np.testing.assert_allclose(state.weight, expected, rtol=1e-7)


def test_attention_with_equal_keys_is_the_mean():
    values = np.arange(6.0).reshape(3, 2)
    attended = reference.attention(np.ones([1, 4]), np.ones([3, 4]), values)
    np.testing.assert_allclose(attended, [[2.0, 3.0]])


def test_newton_schulz_of_a_scaled_identity_is_the_scalar_iteration():
    x = 1 / np.sqrt(2.0)
    for _ in range(5):
        x = 3.4445 * x - 4.7750 * x**3 + 2.0315 * x**5
    np.testing.assert_allclose(reference.newton_schulz(7.0 * np.eye(2), 5), x * np.eye(2))
    assert x == pytest.approx(1.0, abs=0.3)
