"""A run that is killed again and again ends with the weights, bit for bit, of one that is not.

`KILLS=30 python -m pytest -s -n 0 tests/pipeline/test_kills.py` kills it thirty times and prints a
table; `OPTIMIZER=mnemosyne` trains with another one.
"""

import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from pipeline import pretrain
from pipeline.recipes import loader

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = pathlib.Path(__file__).with_name("dies_in_a_write.py")
KILLS = int(os.environ.get("KILLS", "1"))
OPTIMIZER = os.environ.get("OPTIMIZER", "adamw")
STEPS_A_LIFE = 40
# How a life ends: a signal at some step, `kill -9` as soon as a new checkpoint has a file, or in
# the middle of writing one, which a patched program does to itself.
ENDS = (
    "kill -9 in a write",
    "SIGTERM",
    "half_of_the_tensors",
    "kill -9",
    "no_checksums",
    "SIGINT",
    "half_of_the_checksums",
    "SIGTERM",
    "before_removal",
    "kill -9",
)


def steps_logged(output):
    log = output / "metrics.jsonl"
    lines = log.read_text().splitlines(keepends=True) if log.is_file() else []
    return json.loads(lines[-1])["step"] if lines and lines[-1].endswith("\n") else 0


def files_of_checkpoints(output):
    folder = output / "checkpoints"
    return {path.name for path in folder.glob("ckpt-*")} if folder.is_dir() else set()


class Life:
    """One start of the command, and how it is ended."""

    def __init__(self, arguments, output, end):
        self.end, self._output = end, output
        is_signal = end in ("kill -9", "kill -9 in a write", "SIGTERM", "SIGINT")
        program = ["-m", "pipeline.cli"] if is_signal else [str(PROGRAM), end, "2"]
        self._process = subprocess.Popen(
            [sys.executable, *program, "pretrain", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *, until_step=None):
        """Ends the life at a step, or lets it end by itself; returns exit code and what it said."""
        if self.end == "kill -9 in a write":
            before = files_of_checkpoints(self._output)
            self._wait(lambda: files_of_checkpoints(self._output) - before)
            self._process.send_signal(signal.SIGKILL)
        elif until_step is not None and self.end in ("kill -9", "SIGTERM", "SIGINT"):
            self._wait(lambda: steps_logged(self._output) >= until_step)
            name = "SIGKILL" if self.end == "kill -9" else self.end
            self._process.send_signal(signal.Signals[name])
        printed = "".join(self._process.communicate(timeout=600))
        return self._process.returncode, printed

    def _wait(self, condition):
        while self._process.poll() is None and not condition():
            time.sleep(0.001)


def tensors(output):
    reader = tf.train.load_checkpoint(tf.train.latest_checkpoint(output / "checkpoints"))
    names = reader.get_variable_to_shape_map()
    # Seconds are measured; TensorFlow's graph of objects is no number.
    return {
        name: reader.get_tensor(name)
        for name in names
        if not name.startswith(("seconds", "_CHECKPOINTABLE"))
    }


def rows(output, split):
    lines = (output / "metrics.jsonl").read_text().splitlines()
    measured = ("seconds", "sequences_per_second")
    return [
        {name: value for name, value in row.items() if name not in measured}
        for row in map(json.loads, lines)
        if row["split"] == split
    ]


@pytest.fixture
def _not_ignored():
    """SIGINT is ignored by what a shell starts in the background, and by its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("_not_ignored")
def test_a_run_that_is_killed_ends_bit_for_bit_as_one_that_is_not(
    records_dir, tmp_path, tiny_recipe
):
    rate = () if OPTIMIZER == "mnemosyne" else ("optimizer.learning_rate=0.01",)
    if OPTIMIZER == "mnemosyne":
        rate = ("optimizer.learning_rate=1.0",)
    recipe = tiny_recipe(
        f"optimizer.name={OPTIMIZER}",
        *rate,
        *("model.dropout=0.2", "model.attention_dropout=0.2"),
        f"train.num_train_steps={STEPS_A_LIFE * (KILLS + 2)}",
        *("train.checkpoint_every_steps=10", "train.eval_every_steps=30"),
        *("train.log_every_steps=1", "train.steps_per_loop=3"),
    )
    path = tmp_path / "recipe.yaml"
    loader.save_recipe(recipe, path)
    whole, output = tmp_path / "whole", tmp_path / "killed"
    pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(whole))

    arguments = ("--recipe", str(path), "--data", records_dir, "--output", str(output))
    rng = random.Random(KILLS)
    for kill in range(KILLS):
        end, begun_at = ENDS[kill % len(ENDS)], steps_logged(output)
        life = Life(arguments, output, end)
        code, printed = life.run(until_step=begun_at + rng.randint(5, STEPS_A_LIFE))
        said = [line for line in printed.splitlines() if "checkpoints:" in line or "saved" in line]
        print(f"{kill + 1:3} {end:22} exit {code:4} at step {steps_logged(output):5} {said}")
        assert not (output / "COMPLETED").exists()
        if end in ("SIGTERM", "SIGINT"):
            assert code == 0, printed
            assert "run the same command again to go on" in printed
        else:
            assert code == -signal.SIGKILL, printed
    code, printed = Life(arguments, output, "kill -9").run()
    assert code == 0, printed

    ours, theirs = tensors(output), tensors(whole)
    assert ours.keys() == theirs.keys()
    different = [name for name in ours if not np.array_equal(ours[name], theirs[name])]
    assert not different
    assert rows(output, "heldout") == rows(whole, "heldout")
    steps = [row["step"] for row in rows(output, "train")]
    assert steps == list(range(1, len(steps) + 1))
