"""TensorFlow's start-up lines, left out: they come in every command and say nothing about it.

TensorFlow 2.21 writes them while it is imported, to the file descriptor, before it reads
TF_CPP_MIN_LOG_LEVEL. So the descriptor is redirected for as long as the import takes; what is not
one of these lines is written afterwards.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# "I0000 00:00:1795977553.960700   25441 port.cc:153] oneDNN custom operations are on."
_STARTUP_LINE = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog|I\d{4} [\d:.]+ +\d+ \w+\.cc:\d+\]|"
    rb"To enable the following instructions:"
)


def leave_out() -> None:
    """Leaves the lines out of the first import of TensorFlow, whenever that is."""
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    """Finds TensorFlow once, as it would be found without it."""

    def find_spec(self, name, path, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_without_lines(module):
                with startup_lines_left_out():
                    run(module)

            spec.loader.exec_module = run_without_lines
        return spec


@contextlib.contextmanager
def startup_lines_left_out() -> Iterator[None]:
    """Inside the context nothing reaches standard error; after it, all but the start-up lines."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            for line in written:
                if not _STARTUP_LINE.match(line):
                    os.write(2, line)
