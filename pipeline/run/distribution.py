"""A `tf.distribute` strategy from its name."""

from __future__ import annotations

import os
import sys

import tensorflow as tf

from pipeline.recipes.train_section import STRATEGIES
from pipeline.run import worker_group


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the strategy called `name`, one of `STRATEGIES`.

    `one_device` is the first GPU, or else the CPU; `mirrored` every GPU of this machine, or else
    its CPU devices; `multi_worker` the devices of all processes that TF_CONFIG names, and waits
    until all of them are there; `tpu` the TPU that TPU_NAME names, by default that of this machine.
    Where TF_CONFIG names several workers `one_device` and `mirrored` mean `multi_worker`: each
    process would train a model of its own otherwise.

    Raises:
      ValueError: another name, or `multi_worker` without TF_CONFIG.
    """
    if name not in STRATEGIES:
        raise ValueError(f"Unknown strategy '{name}'. Choose one of: {', '.join(STRATEGIES)}.")
    group = worker_group.from_environment()
    if name != "tpu" and group.num_workers > 1:
        return _multi_worker(group)
    if name == "multi_worker":
        if "TF_CONFIG" not in os.environ:
            raise ValueError(
                "train.strategy=multi_worker needs the environment variable TF_CONFIG, which names "
                "all workers and which of them this process is, received none. See "
                "docs/distributed.md, or pass --set train.strategy=mirrored."
            )
        name = "mirrored"
    if name == "tpu":
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect(
            os.environ.get("TPU_NAME", "local")
        )
        return tf.distribute.TPUStrategy(resolver)
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy(devices[0].name)
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _multi_worker(group: worker_group.WorkerGroup) -> tf.distribute.Strategy:
    # Said by each of them, the silent ones too: a log tells who waits for whom.
    print(
        f"pretrain: {group.name} at {group.address} waits for all {group.num_workers} workers of "
        "TF_CONFIG",
        file=sys.__stderr__,
        flush=True,
    )
    return tf.distribute.MultiWorkerMirroredStrategy()


def device_names(strategy: tf.distribute.Strategy) -> list[str]:
    """Returns the short names of this process's devices; several processes' with their task."""
    names = [name.split("/") for name in strategy.extended.worker_devices]
    group = worker_group.from_environment()
    short = [":".join(parts[-1].split(":")[-2:]) for parts in names]
    if group.num_workers == 1:
        return short
    return [f"{name} of each of {group.num_workers} workers" for name in short]
