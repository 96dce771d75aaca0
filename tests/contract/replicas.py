"""A program: trains every optimizer named on N logical devices, or as one of N processes.

The gradients of a step are spread over replicas, unequal shares of one sum, so that N = 1 takes the
same steps but for rounding. Writes the weights of every replica to an `.npz`. Its own process,
because TensorFlow numbers the collectives of every MirroredStrategy from the same start.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import sys

import numpy as np
import tensorflow as tf

BAD_STEP = 1


def train(strategy, contestant, problem, *, steps=3):
    """Weights of every local replica, `[replicas, weights]`, and skipped steps.

    The last replica brings a NaN in step 1.
    """
    num_replicas = strategy.num_replicas_in_sync
    shares = np.arange(1, num_replicas + 1) / np.arange(1, num_replicas + 1).sum()
    with strategy.scope():
        optimizer, variables = contestant.make(), problem.variables()
        optimizer.build(variables)

    @tf.function
    def step(gradients, is_bad):
        def replica_step(gradients):
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            share = tf.gather(tf.constant(shares, tf.float32), replica)
            is_last = tf.equal(replica, num_replicas - 1)
            share = tf.where(tf.logical_and(is_bad, is_last), np.nan, share)
            problem.apply(optimizer, [share * gradient for gradient in gradients], variables)

        strategy.run(replica_step, args=(gradients,))

    for t in range(steps):
        step(problem.gradients(t), tf.constant(t == BAD_STEP))
    copies = [strategy.experimental_local_results(variable) for variable in variables]
    weights = [problem.flat(replica) for replica in zip(*copies, strict=True)]
    return np.stack(weights), int(optimizer.skipped_steps.numpy())


def load_contestants():
    """The suite's own optimizers and problem; a program cannot ask for fixtures."""
    import importlib.util
    import pathlib

    path = pathlib.Path(__file__).with_name("conftest.py")
    spec = importlib.util.spec_from_file_location("contract_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(output: str, devices: str, *names: str) -> None:
    """Trains on so many `devices` of this process; 0 joins the workers of TF_CONFIG."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    split = [tf.config.LogicalDeviceConfiguration()] * max(int(devices), 1)
    tf.config.set_logical_device_configuration(cpu, split)
    if int(devices):
        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(int(devices))])
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    suite = load_contestants()
    results = {}
    for name in names:
        weights, skipped = train(strategy, suite.Contestant(name), suite.Problem())
        results[name], results[f"{name}/skipped"] = weights, skipped
    np.savez(output, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
