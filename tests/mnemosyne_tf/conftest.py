"""Shared by the optimizer tests: a small structure, meta-parameters with live heads."""

import numpy as np
import pytest

from mnemosyne_tf import MetaParams, Structure


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
        return MetaParams(structure, values)

    return make
