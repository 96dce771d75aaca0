"""The processes of one training run: which of them this is, what it may write, how it ends.

TensorFlow's variable TF_CONFIG names them. All compute; the first of them, the chief, alone writes
into the run folder and speaks. A process that loses another cannot go on: it ends with a sentence
and exit code 1, and all are started again.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

import tensorflow as tf

# What TensorFlow raises when a process that it waits for is gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)


class LostWorkerError(ConnectionError):
    """Another process of the run has ended."""


@dataclasses.dataclass(frozen=True)
class WorkerGroup:
    """Which process of how many this is.

    Attributes:
      num_workers: processes that train together.
      task: the kind, "chief" or "worker", of this one.
      index: its number among its kind.
      is_chief: whether it is the one that writes and speaks.
      address: its host and port; empty where it is alone.
    """

    num_workers: int = 1
    task: str = "worker"
    index: int = 0
    is_chief: bool = True
    address: str = ""

    @property
    def name(self) -> str:
        """Kind and number."""
        return f"{self.task} {self.index}"


def from_environment() -> WorkerGroup:
    """Reads TF_CONFIG; without it a process is alone.

    Raises:
      ValueError: TF_CONFIG is not what TensorFlow expects.
    """
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return WorkerGroup()
    try:
        config = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        kinds = {kind: list(cluster[kind]) for kind in ("chief", "worker") if kind in cluster}
        if not kinds:
            return WorkerGroup()
        kind, index = task["type"], int(task["index"])
        return WorkerGroup(
            num_workers=sum(map(len, kinds.values())),
            task=kind,
            index=index,
            is_chief=kind == "chief" or ("chief" not in kinds and index == 0),
            address=kinds[kind][index],
        )
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            'TF_CONFIG must look like {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
            f'"worker", "index": 0}}}}, received {text} ({type(error).__name__}: {error}).'
        ) from error


def output_folder(directory: str | os.PathLike) -> str:
    """Returns where this process writes: the chief into the run folder, others into a copy of it.

    The copy is a temporary folder, removed at exit. It holds what the run folder holds, so every
    process reads the same and decides alike; checkpoints in it are links. Call it before the
    strategy is made: until then the chief has written nothing.
    """
    if from_environment().is_chief:
        return str(directory)
    copy = pathlib.Path(tempfile.mkdtemp(prefix="mnemosyne_worker_"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    for folder, _, files in os.walk(directory):
        target = copy / os.path.relpath(folder, directory)
        target.mkdir(exist_ok=True, parents=True)
        is_run_folder = os.path.samefile(folder, directory)
        for file in files:
            source = os.path.abspath(os.path.join(folder, file))
            # TensorFlow appends to none of its files; small ones of ours may grow.
            if is_run_folder or os.path.getsize(source) < 2**16:
                shutil.copyfile(source, target / file)
            else:
                os.symlink(source, target / file)
    return str(copy)


@contextlib.contextmanager
def as_member() -> Iterator[None]:
    """Inside, only the chief prints, and a lost process becomes a `LostWorkerError`.

    Raises:
      LostWorkerError: another process has ended, or cannot be reached.
    """
    group = from_environment()
    if group.num_workers == 1:
        yield
        return
    with contextlib.ExitStack() as stack:
        if not group.is_chief:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
            stack.enter_context(contextlib.redirect_stderr(nowhere))
        try:
            yield
        except _LOST as error:
            raise LostWorkerError(
                f"{group.name} of {group.num_workers} lost another worker and cannot go on alone. "
                "Start all workers again with the same command: they continue from the newest "
                f"checkpoint. TensorFlow says: {_cause(error)}"
            ) from error


def _cause(error: tf.errors.OpError) -> str:
    """The line of TensorFlow's message that tells why, among those that tell where."""
    lines = str(error.message).strip().splitlines() or [type(error).__name__]
    return next((line for line in lines if "aborted by" in line), lines[0])


def check_same_step(strategy: tf.distribute.Strategy, step: int) -> None:
    """Checks that all processes continue from the same step; all of them must call it.

    Raises:
      ValueError: they do not.
    """
    if strategy.num_replicas_in_sync == 1 or from_environment().num_workers == 1:
        return

    @tf.function
    def moments():
        def of_replica():
            value = tf.cast(step, tf.float64)
            moments = tf.stack([tf.ones_like(value), value, value * value])
            return tf.distribute.get_replica_context().all_reduce("SUM", moments)

        return strategy.run(of_replica)

    count, total, squares = strategy.experimental_local_results(moments())[0].numpy()
    if count * squares != total * total:
        raise ValueError(
            f"All workers must continue from the same step, {from_environment().name} stands at "
            f"step {step}, others do not. --output must be a folder that all workers share, such "
            "as one on a network file system."
        )
