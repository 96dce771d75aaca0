"""Contract of every optimizer: any number of replicas reaches the weights of one.

One process trains all optimizers on three logical devices, another two of them on two workers;
two devices are those of the test process itself.
"""

import importlib.util
import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = pathlib.Path(__file__).with_name("replicas.py")
SPEC = importlib.util.spec_from_file_location("contract_replicas", PROGRAM)
replicas = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(replicas)
ON_TWO_WORKERS = ("mnemosyne", "schedule_free_adamw")


def start(output, devices, names, **environment):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(output), str(devices), *names],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


def results(process, output):
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 0, errors
    return np.load(output)


@pytest.fixture(scope="session")
def on_one(problem):
    """Returns `train(contestant)` on one device: weights `[1, weights]` and skipped steps."""
    one = tf.distribute.OneDeviceStrategy("CPU:0")
    trained = {}

    def train(contestant):
        if contestant.name not in trained:
            trained[contestant.name] = replicas.train(one, contestant, problem)
        return trained[contestant.name]

    return train


@pytest.fixture(scope="session")
def on_three(tmp_path_factory, contestant_names):
    output = tmp_path_factory.mktemp("three") / "weights.npz"
    return results(start(output, 3, contestant_names), output)


@pytest.fixture(scope="session")
def on_two_workers(tmp_path_factory):
    """The weights that each of two workers ends with."""
    folder = tmp_path_factory.mktemp("workers")
    with socket.socket() as first, socket.socket() as second:
        for each in (first, second):
            each.bind(("localhost", 0))
        workers = [f"localhost:{each.getsockname()[1]}" for each in (first, second)]
    outputs = [folder / f"{index}.npz" for index in range(2)]
    processes = [
        start(
            output,
            0,
            ON_TWO_WORKERS,
            TF_CONFIG=json.dumps(
                {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
            ),
        )
        for index, output in enumerate(outputs)
    ]
    try:
        return [results(*pair) for pair in zip(processes, outputs, strict=True)]
    finally:
        for process in processes:
            process.kill()


def assert_same(many, one, contestant):
    """Equal bits on all replicas, and the weights of one device."""
    assert all(np.array_equal(many[0], replica) for replica in many)
    np.testing.assert_allclose(many[0], one[0], rtol=0, atol=contestant.bound(3))


def test_two_devices_reach_the_weights_of_one(contestant, problem, two_replicas, on_one):
    contestant.left_out(["mnemosyne"], "shown, compiled, in test_guarded_optimizer.py")
    weights, skipped = replicas.train(two_replicas, contestant, problem)
    assert len(weights) == 2
    assert skipped == 1
    assert_same(weights, on_one(contestant)[0], contestant)


@pytest.mark.slow
def test_three_devices_reach_the_weights_of_one(contestant, on_one, on_three):
    assert len(on_three[contestant.name]) == 3
    assert on_three[f"{contestant.name}/skipped"] == 1
    assert_same(on_three[contestant.name], on_one(contestant)[0], contestant)


@pytest.mark.slow
@pytest.mark.parametrize("contestant", ON_TWO_WORKERS, indirect=True)
def test_two_workers_reach_the_weights_of_one(contestant, on_one, on_two_workers):
    for worker in on_two_workers:
        assert worker[f"{contestant.name}/skipped"] == 1
    both = np.concatenate([worker[contestant.name] for worker in on_two_workers])
    assert_same(both, on_one(contestant)[0], contestant)
