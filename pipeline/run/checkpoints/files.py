"""The files of a run's checkpoints: which are finished, which are whole.

ckpt-STEP.data-00000-of-00001  ckpt-STEP.index  ckpt-STEP.json  checkpoint

The first two are TensorFlow's. `ckpt-STEP.json` is written last and holds the size and the SHA-256
of both: a checkpoint without it was never finished, one whose files disagree with it is damaged.
`checkpoint` is TensorFlow's list, kept so that `tf.train.latest_checkpoint` works; checkpoints of
releases without `ckpt-STEP.json` count as finished if it names them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable

import tensorflow as tf

from data_prep import storage

_OF_A_STEP = re.compile(r"ckpt-(\d+)(\.|_temp)")


@dataclasses.dataclass(frozen=True)
class SavedState:
    """What stands in `ckpt-STEP.json`, besides the checksums.

    Attributes:
      step: training steps made.
      batches_used: training batches used up: the data position.
      scheduled: whether the step is a multiple of `train.checkpoint_every_steps`; the others were
        saved because a signal stopped the run, or because they were the best.
      heldout_loss: masked-LM loss in nats, None where this step was not evaluated.
      settings: the recipe.
      vocabulary_sha256: of `vocab.txt`.
      guard: what `pipeline.run.loss_guard` has seen.
    """

    step: int
    batches_used: int
    scheduled: bool = True
    heldout_loss: float | None = None
    settings: dict = dataclasses.field(default_factory=dict)
    vocabulary_sha256: str = ""
    guard: dict = dataclasses.field(default_factory=dict)


class UnusableCheckpoint(OSError):
    """A checkpoint that was never finished or that is damaged; the message says which."""


class DamagedCheckpoint(UnusableCheckpoint):
    """A checkpoint that was whole once."""


def path_of(directory: str, step: int) -> str:
    """Returns TensorFlow's name of the checkpoint, its path without the endings."""
    return os.path.join(directory, f"ckpt-{step}")


def saved_steps(directory: str) -> list[int]:
    """Returns the steps of which there are files, whole or not, the newest first."""
    found = (_OF_A_STEP.match(name) for name in storage.list_folder(directory))
    return sorted({int(match[1]) for match in found if match}, reverse=True)


def seal(directory: str, state: SavedState) -> None:
    """Writes `ckpt-STEP.json`: from here on the checkpoint of the step is whole."""
    files = {name: _measured(directory, name) for name in _tensor_files(directory, state.step)}
    content = {**dataclasses.asdict(state), "files": files}
    content["sha256"] = _digest(content)
    storage.write_whole(
        f"{path_of(directory, state.step)}.json", (json.dumps(content, indent=2) + "\n").encode()
    )
    _name_to_tensorflow(directory, [*_named_by_tensorflow(directory), state.step])


def read_state(directory: str, step: int) -> SavedState:
    """Reads `ckpt-STEP.json` and compares the files with it, byte for byte.

    Of a release without such files the data position is the step, and TensorFlow's own checksums
    are compared.

    Raises:
      UnusableCheckpoint: the checkpoint is not whole.
    """
    path = f"{path_of(directory, step)}.json"
    if not os.path.exists(path):
        if step not in _named_by_tensorflow(directory):
            raise UnusableCheckpoint(f"ckpt-{step} was not finished (it has no ckpt-{step}.json)")
        _check_by_tensorflow(path_of(directory, step))
        return SavedState(step=step, batches_used=step)
    content = _read_json(path)
    for name, expected in content.pop("files").items():
        received = _measured(directory, name)
        if received != expected:
            raise DamagedCheckpoint(
                f"ckpt-{step} is damaged ({name}: expected {_in_words(expected)}, received "
                f"{_in_words(received)})"
            )
    return SavedState(**content)


def newest_whole(directory: str, *, say: Callable[[str], None] | None = None) -> SavedState | None:
    """Returns the newest checkpoint that is whole, None where none was ever finished.

    Args:
      directory: the folder `checkpoints` of a run.
      say: is given a line on every newer one that is not used; prints to stderr by default.

    Raises:
      DamagedCheckpoint: there are finished checkpoints, and all of them are damaged.
    """
    say = say or (lambda line: print(line, file=sys.stderr))
    faults, damaged = [], False
    for step in saved_steps(directory):
        try:
            state = read_state(directory, step)
        except UnusableCheckpoint as fault:
            faults.append(str(fault))
            damaged |= isinstance(fault, DamagedCheckpoint)
            continue
        if faults:
            say(f"checkpoints: {'; '.join(faults)}; the one before is used, ckpt-{step}")
        return state
    if damaged:
        raise DamagedCheckpoint(
            f"{directory} holds no whole checkpoint: {'; '.join(faults)}. Copy one back from a "
            "backup, or name a new --output to begin again."
        )
    if faults:
        say(f"checkpoints: {'; '.join(faults)}; there is no other")
    return None


def all_finished(directory: str) -> list[SavedState]:
    """Returns the states of all finished checkpoints, the newest first; files are not compared."""
    states, named = [], _named_by_tensorflow(directory)
    for step in saved_steps(directory):
        path = f"{path_of(directory, step)}.json"
        if os.path.exists(path):
            with contextlib.suppress(UnusableCheckpoint):
                content = _read_json(path)
                del content["files"]
                states.append(SavedState(**content))
        elif step in named:
            states.append(SavedState(step=step, batches_used=step))
    return states


def keep_only(directory: str, steps: Iterable[int]) -> None:
    """Removes the files of all other steps, also of unfinished and damaged checkpoints."""
    steps = set(steps)
    for step in saved_steps(directory):
        if step not in steps:
            forget(directory, step)


def forget_after(directory: str, step: int) -> None:
    """Removes the files of all later steps."""
    for later in saved_steps(directory):
        if later > step:
            forget(directory, later)


def forget(directory: str, step: int) -> None:
    """Removes the files of one step, in an order in which no half of them looks whole."""
    named = _named_by_tensorflow(directory)
    if step in named:
        _name_to_tensorflow(directory, [other for other in named if other != step])
    storage.remove(f"{path_of(directory, step)}.json", missing_ok=True)
    for name in storage.list_folder(directory):
        if (match := _OF_A_STEP.match(name)) and int(match[1]) == step:
            path = os.path.join(directory, name)
            if os.path.isdir(path):
                storage.remove_folder(path)
            else:
                storage.remove(path, missing_ok=True)


def _tensor_files(directory: str, step: int) -> list[str]:
    starts = (f"ckpt-{step}.index", f"ckpt-{step}.data-")
    return [name for name in storage.list_folder(directory) if name.startswith(starts)]


def _measured(directory: str, name: str) -> dict | None:
    path = os.path.join(directory, name)
    if not os.path.isfile(path):
        return None
    return {"bytes": storage.size(path), "sha256": storage.sha256(path)}


def _in_words(measured: dict | None) -> str:
    if measured is None:
        return "no file"
    return f"{measured['bytes']:,} bytes of SHA-256 {measured['sha256'][:12]}"


def _read_json(path: str) -> dict:
    try:
        content = json.loads(storage.read_whole(path))
        intact = content.pop("sha256") == _digest(content)
    except (ValueError, KeyError, AttributeError):
        intact = False
    if not intact:
        name = os.path.basename(path)
        raise DamagedCheckpoint(f"{os.path.splitext(name)[0]} is damaged ({name} was changed)")
    return content


def _digest(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _named_by_tensorflow(directory: str) -> list[int]:
    listed = tf.train.get_checkpoint_state(directory)
    paths = listed.all_model_checkpoint_paths if listed else ()
    found = (re.fullmatch(r"ckpt-(\d+)", os.path.basename(path)) for path in paths)
    return [int(match[1]) for match in found if match]


def _name_to_tensorflow(directory: str, steps: Iterable[int]) -> None:
    names = [f"ckpt-{step}" for step in sorted(set(steps))]
    path = os.path.join(directory, "checkpoint")
    if not names:
        storage.remove(path, missing_ok=True)
        return
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    storage.write_whole(path, ("\n".join(lines) + "\n").encode())


def _check_by_tensorflow(path: str) -> None:
    try:
        reader = tf.train.load_checkpoint(path)
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        raise DamagedCheckpoint(
            f"{os.path.basename(path)} is damaged ({str(error).splitlines()[0][:200]})"
        ) from error
