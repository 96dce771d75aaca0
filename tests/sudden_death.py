"""A process that dies as it writes, in a test without the signal and as a program with it.

    python tests/sudden_death.py FILE import --input DIR --output DIR

is `mnemosyne import` that kills itself, with SIGKILL, when half of FILE is written.
"""

import contextlib
import os
import pathlib
import signal
import sys

from data_prep import storage


class KilledError(BaseException):
    """Stands for SIGKILL: no code of ours catches it."""


def _dead(*_, **__):
    raise KilledError


@contextlib.contextmanager
def renames_counted(monkeypatch):
    """Gives a list of the names that files and folders get in the block."""
    names, replace = [], os.replace
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda a, b: (names.append(str(b)), replace(a, b)))
        yield names


@contextlib.contextmanager
def death_at_rename(monkeypatch, number):
    """In the block, the `number`th rename kills: nothing is renamed or removed any more."""
    calls, replace = [], os.replace

    def replace_or_die(*paths):
        calls.append(paths)
        if len(calls) == number:
            end_of_life(patch)
        replace(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace_or_die)
        yield


def end_of_life(patch):
    """Raises KilledError; what a dying program would do to clean up does not happen."""
    for name in ("remove", "remove_folder"):
        patch.setattr(storage, name, _dead)
    patch.setattr(os, "replace", _dead)
    raise KilledError


def _die_in_half_of(file):
    import tensorflow as tf

    open_write, save = storage._open_write, tf.saved_model.save

    def kill():
        os.kill(os.getpid(), signal.SIGKILL)

    def open_half(path):
        stream = open_write(path)
        return _Half(stream, kill) if os.path.basename(path).startswith(f"{file}.tmp") else stream

    def save_half(module, folder, **settings):
        save(module, folder, **settings)
        written = pathlib.Path(folder) / file
        written.write_bytes(written.read_bytes()[: written.stat().st_size // 2])
        kill()

    storage._open_write = open_half
    if file == "saved_model.pb":  # TensorFlow writes it
        tf.saved_model.save = save_half


class _Half:
    """A file whose first write ends in the middle of what is written."""

    def __init__(self, stream, kill):
        self._stream, self._kill = stream, kill

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()

    def write(self, content):
        self._stream.write(content[: len(content) // 2])
        self._stream.flush()
        self._kill()


if __name__ == "__main__":
    from pipeline import cli

    _die_in_half_of(sys.argv[1])
    sys.exit(cli.main(sys.argv[2:]))
