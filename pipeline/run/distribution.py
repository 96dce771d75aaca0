"""A `tf.distribute` strategy from its name."""

from __future__ import annotations

import tensorflow as tf

STRATEGIES = ("one", "mirrored", "tpu")


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy called `name`.

    `one` is the first device, `mirrored` every GPU of this machine or else its CPU devices,
    `tpu` the TPU that the environment names.

    Raises:
      ValueError: another name.
    """
    if name == "one":
        kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
        return tf.distribute.OneDeviceStrategy(f"/{kind}:0")
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
        return tf.distribute.TPUStrategy(resolver)
    raise ValueError(f"Unknown strategy '{name}'. Choose one of: {', '.join(STRATEGIES)}.")


def device_names(strategy: tf.distribute.Strategy) -> list[str]:
    """Returns the short names of the strategy's worker devices."""
    return [":".join(name.split(":")[-2:]) for name in strategy.extended.worker_devices]
