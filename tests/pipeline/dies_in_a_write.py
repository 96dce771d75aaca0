"""A program: `mnemosyne` that kills itself, with SIGKILL, in the middle of its Nth checkpoint.

    python dies_in_a_write.py MOMENT N pretrain --recipe ...

MOMENT says how far the write has come: see `MOMENTS`.
"""

import os
import pathlib
import signal
import sys

import tensorflow as tf

from data_prep import storage
from pipeline import cli
from pipeline.run.checkpoints import files

MOMENTS = ("half_of_the_tensors", "no_checksums", "half_of_the_checksums", "before_removal")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def dies(moment, number):
    """Replaces the step of writing in which the process dies the `number`th time."""
    calls = []

    def is_the_time():
        calls.append(None)
        return len(calls) == number

    write, seal, keep_only = tf.train.Checkpoint.write, files.seal, files.keep_only

    def half_of_the_tensors(self, path, options=None):
        written = write(self, path, options)
        if is_the_time():
            data = pathlib.Path(f"{path}.data-00000-of-00001")
            data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
            die()
        return written

    def no_checksums(directory, state):
        if is_the_time():
            die()
        seal(directory, state)

    def half_of_the_checksums(directory, state):
        if is_the_time():
            storage.os.replace = lambda *names: die()
        seal(directory, state)

    def before_removal(directory, steps):
        if is_the_time():
            die()
        keep_only(directory, steps)

    if moment == "half_of_the_tensors":
        tf.train.Checkpoint.write = half_of_the_tensors
    elif moment == "before_removal":
        files.keep_only = before_removal
    else:
        files.seal = {
            "no_checksums": no_checksums,
            "half_of_the_checksums": half_of_the_checksums,
        }[moment]


if __name__ == "__main__":
    dies(sys.argv[1], int(sys.argv[2]))
    sys.exit(cli.main(sys.argv[3:]))
