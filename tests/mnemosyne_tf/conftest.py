"""Shared by the optimizer tests: two CPU devices, meta-parameters with live heads."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import MetaParams, Structure


def pytest_configure(config):
    """Splits the CPU in two, unless another conftest did or TensorFlow has already started."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    if tf.config.get_logical_device_configuration(cpu) is None:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )


@pytest.fixture(scope="session")
def two_devices():
    """Names of two logical CPU devices; skips where TensorFlow was started with one."""
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    if len(devices) < 2:
        pytest.skip("TensorFlow was started with one logical CPU device")
    return devices[:2]


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
        return MetaParams(structure, values)

    return make
