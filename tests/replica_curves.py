#!/usr/bin/env python
"""Trains one little BERT on 1, 2 and 4 devices and on 2 and 3 processes, and compares its losses.

    .venv/bin/python tests/replica_curves.py [--steps 200] [--optimizer mnemosyne] [--dropout 0.1]
        [--runs '4 devices' '2 processes']

Every run is one `mnemosyne pretrain` of a global batch of 12 sequences, on devices that the CPU is
divided into, or on processes of this machine that TF_CONFIG names. Prints the largest difference of
the loss of a step from that of one device, in the first steps and in all: where a rule amplifies
rounding, the two say how fast. With dropout, runs of equal micro-batches are equal, so
all runs then take one sequence at a time. Not part of CI at 200 steps; `test_multi_worker.py` runs
a few.
"""

import argparse
import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
PROGRAM = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
devices = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1])
tf.config.set_logical_device_configuration(cpu, devices)
from pipeline.cli import main
sys.exit(main(sys.argv[2:]))
"""
ONE = "1 device"
FIRST = (10, 20, 50, 100)  # steps
SEQ_LEN, PREDICTIONS, WORDS, BATCH = 10, 3, 50, 12
RECIPE = f"""
vocab: {{vocab_size: {WORDS}}}
prepare: {{max_seq_length: {SEQ_LEN}, max_predictions_per_seq: {PREDICTIONS}}}
model:
  {{num_layers: 1, hidden_dim: 8, num_heads: 2, intermediate_dim: 16, dropout: 0.0,
   attention_dropout: 0.0}}
optimizer: {{name: mnemosyne}}
train:
  global_batch_size: {BATCH}
  num_eval_sequences: 12
  eval_every_steps: 1000000
  checkpoint_every_steps: 1000000
  log_every_steps: 1
  steps_per_loop: 1
"""


def write_records(folder: pathlib.Path, count: int = 200) -> None:
    """One shard of random records with 1 to 3 predictions each, fewer files than processes."""
    from data_prep import features as records

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    splits = {}
    for split, number in {"train": count, "heldout": 24}.items():
        ids = rng.integers(5, WORDS, (number, SEQ_LEN))
        positions = np.tile([2, 4, 7], (number, 1))
        name = f"{split}-00000-of-00001.tfrecord"
        framed = records.encode_tfrecords(
            {
                "input_ids": ids,
                "input_mask": np.ones_like(ids),
                "segment_ids": np.tile(np.arange(SEQ_LEN) >= 5, (number, 1)).astype(np.int64),
                "masked_lm_positions": positions,
                "masked_lm_ids": np.take_along_axis(ids, positions, axis=1),
                "masked_lm_weights": (np.arange(3) < rng.integers(1, 4, (number, 1))).astype("f4"),
                "next_sentence_labels": rng.integers(0, 2, (number, 1)),
            }
        )
        (folder / name).write_bytes(framed)
        shards = [{"file": name, "sequences": number, "sha256": ""}]
        splits[split] = {"documents": 1, "sequences": number, "shards": shards}
    (folder / "vocab.txt").write_text("".join(f"w{i}\n" for i in range(WORDS)))
    records.Manifest(
        settings={"max_seq_length": SEQ_LEN, "max_predictions_per_seq": PREDICTIONS},
        vocab={"size": WORDS, "sha256": ""},
        splits=splits,
        counts={},
        rejects={},
        statistics={},
        versions={},
    ).save(str(folder))
    (folder / "COMPLETED").write_text("")


def start(folder: pathlib.Path, name: str, *settings: str, devices: int = 1, workers: int = 0):
    """Starts one run as `workers` processes, or as one that has so many devices.

    Args:
      folder: holds the folder `records`; the run folder is made in it.
      name: of the run folder.
      *settings: of the recipe, as after `--set`.
      devices: of a process.
      workers: processes; 0 for one that knows nothing of others.

    Returns:
      The processes, whose output is text.
    """
    (folder / "recipe.yaml").write_text(RECIPE)
    command = [sys.executable, "-c", PROGRAM, str(devices), "pretrain"]
    command += ["--recipe", str(folder / "recipe.yaml"), "--data", str(folder / "records")]
    command += ["--output", str(folder / name)]
    for setting in settings:
        command += ["--set", setting]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
    environments = [{"TF_CONFIG": each} for each in tf_configs(workers)] or [{}]
    return [
        subprocess.Popen(
            command,
            env={**os.environ, **quiet, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for environment in environments
    ]


def tf_configs(workers: int) -> list[str]:
    """TF_CONFIG of each of so many processes of this machine, at ports that are free now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(workers)]
        for each in sockets:
            each.bind(("localhost", 0))
        addresses = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    return [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        for index in range(workers)
    ]


def finish(processes, timeout: float = 1800) -> list[tuple[int, str, str]]:
    """Waits for the processes, and returns exit code, output and errors of each."""
    try:
        outputs = [process.communicate(timeout=timeout) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [
        (process.returncode, *output) for process, output in zip(processes, outputs, strict=True)
    ]


def losses(folder: pathlib.Path, name: str) -> np.ndarray:
    """The training loss of each step of a run."""
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    return np.array([row["loss"] for row in map(json.loads, lines) if row["split"] == "train"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--optimizer", default="mnemosyne")
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--runs", nargs="+", metavar="NAME", help="only these, and one device")
    args = parser.parse_args()
    settings = [f"train.num_train_steps={args.steps}", f"optimizer.name={args.optimizer}"]
    settings += [f"model.dropout={args.dropout}", f"model.attention_dropout={args.dropout}"]
    if args.optimizer != "mnemosyne":
        settings.append("optimizer.learning_rate=0.001")
    if args.dropout:
        settings.append("train.micro_batch_size=1")
    runs = {
        ONE: {},
        "1 device, 4 micro-batches": {"micro_batch_size": 3},
        "2 devices": {"devices": 2},
        "4 devices": {"devices": 4},
        "2 processes": {"workers": 2},
        "3 processes": {"workers": 3},
    }
    if args.runs:
        if unknown := set(args.runs) - set(runs):
            parser.error(f"--runs: expected some of {', '.join(runs)}; received {unknown}")
        runs = {name: how for name, how in runs.items() if name in {ONE, *args.runs}}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_records(folder / "records")
        for title, how in runs.items():
            micro = how.pop("micro_batch_size", None)
            if micro and args.dropout:
                continue
            more = [f"train.micro_batch_size={micro}"] if micro else []
            results = finish(start(folder, title, *settings, *more, **how))
            if any(code for code, *_ in results):
                print(title, *(text for result in results for text in result[1:]), file=sys.stderr)
                return 1
            curve = losses(folder, title)
            off = np.abs(curve - losses(folder, ONE))
            of_first = ", ".join(f"{off[:count].max():.1e} in {count}" for count in FIRST)
            print(
                f"{title:<28} {len(curve)} steps, loss {curve[0]:.6f} to {curve[-1]:.6f}, largest "
                f"difference {of_first}, {off.max():.1e} in all",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
