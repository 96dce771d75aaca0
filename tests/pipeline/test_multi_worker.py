"""Runs of two processes on this machine, through the command line."""

import os
import pathlib
import signal
import sys
import time

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import replica_curves

# AdamW compiles fastest. It would blow up the rounding of gradients that are zero, with which no
# loss changes: those of the biases of the keys.
ADAMW = ("optimizer.name=adamw", "optimizer.learning_rate=0.001")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    replica_curves.write_records(folder / "records")
    return folder


def finish_all(processes):
    """Exit codes, outputs and errors of the processes, all 0 expected."""
    results = replica_curves.finish(processes, timeout=600)
    assert [code for code, *_ in results] == [0] * len(results), results
    return results


@pytest.mark.slow
def test_a_run_that_loses_a_worker_ends_with_a_sentence_and_resumes_to_the_curve_of_one(folder):
    settings = (*ADAMW, "train.num_train_steps=400", "train.checkpoint_every_steps=5")
    processes = replica_curves.start(folder, "two", *settings, workers=2)
    checkpoints = folder / "two" / "checkpoints"
    while not list(checkpoints.glob("*10*")):
        assert processes[1].poll() is None, processes[1].communicate()
        time.sleep(0.05)
    os.kill(processes[1].pid, signal.SIGKILL)
    # The bound of a lost worker: two minutes.
    (code, _, errors), _ = replica_curves.finish(processes, timeout=120)
    assert code == 1
    assert "lost another worker" in errors and "Start all workers again" in errors
    assert "Traceback" not in errors

    settings = (*ADAMW, "train.num_train_steps=400", "train.checkpoint_every_steps=5")
    two = finish_all(replica_curves.start(folder, "two", *settings, workers=2))
    finish_all(replica_curves.start(folder, "one", *settings))
    one, resumed = (replica_curves.losses(folder, name) for name in ("one", "two"))
    assert len(one) == len(resumed) == 400
    # A loss is about 4.6 nats of float32, summed over 12 rows on each side: see the figures of
    # `replica_curves.py`, whose bar over 200 steps this is.
    np.testing.assert_allclose(resumed[:200], one[:200], rtol=0, atol=1e-5)
    assert "held-out" in two[0][1]
    # Only the chief speaks; the others say that they wait.
    assert two[1][1] == ""
    assert two[1][2].strip().endswith("waits for all 2 workers of TF_CONFIG")
