"""Shared by the optimizer tests: a small structure, meta-parameters with live heads."""

import numpy as np
import pytest

from mnemosyne_tf import MetaParams, Structure

# Unit roundoff of float32: one operation is off by at most this fraction of its result.
ROUNDOFF = float(np.finfo(np.float32).eps) / 2
# What Newton-Schulz makes of an error along the smallest singular value s of a matrix of norm 1: it
# brings s to about 1.2, and the error with it. Gaussian matrices of 16 x 12 and 12 x 9 have s of
# 1/26 and 1/23 on the average, 1/50 rarely (Edelman 1988). Everything else is better conditioned.
AMPLIFICATION = 1.2 * 50


@pytest.fixture(scope="session")
def small_structure():
    """A structure small enough for NumPy loops, whose chunks cut most shapes unevenly."""
    return Structure(chunk_size=16, width=4, num_random_features=8, hidden_units=2)


@pytest.fixture(scope="session")
def live_meta_params():
    """Returns `make(structure)`: meta-parameters whose heads are not zero, as after training."""

    def make(structure):
        random = np.random.RandomState(7)
        nominal = MetaParams.nominal(structure)
        values = {
            name: value if name.startswith("rule/") else value + 0.3 * random.randn(*value.shape)
            for name, value in nominal.values.items()
        }
        values |= {"rule/batch_exponent": 0.3, "rule/length_exponent": -0.4}
        values["rule/decay_delay"] = 0.2
        values["rule/decay_power"] = 0.7
        return MetaParams(structure, values)

    return make


@pytest.fixture(scope="session")
def live(small_structure, live_meta_params):
    """Live heads of the small structure."""
    return live_meta_params(small_structure)


@pytest.fixture(scope="session")
def weight_bound():
    """Returns `bound(steps, step, num_coords, largest)`, for one arithmetic in two orders.

    In each step the weight, of at most `largest`, is rounded, and moves by at most `step` in a
    direction that is off by sums of `num_coords` terms, which err by the root of their number
    (Higham and Mary 2019), and by what Newton-Schulz makes of that. Errors of steps are independent
    and add up by the root of their number; four standard deviations are allowed.
    """

    def bound(*, steps, step, num_coords, largest):
        of_step = step * AMPLIFICATION * num_coords**0.5 + largest
        return 4.0 * steps**0.5 * of_step * ROUNDOFF

    return bound
