"""The processes of the contestants, which make training steps on request."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.lab.side_by_side.contestant import Contestant

_LOOP = os.path.join(os.path.dirname(__file__), "programs", "measured_program.py")
_MAX_ERROR_CHARACTERS = 2_000


@dataclasses.dataclass(frozen=True)
class Turn:
    """The cost of some steps.

    Attributes:
        steps: how many.
        loss: of the last step, or the mean of them, in nats.
        cpu_seconds: user and system time of all threads.
        wall_seconds: elapsed.
        peak_mb: peak resident memory of the process so far, in MB of 10**6 bytes.
    """

    steps: int
    loss: float
    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


class RunningProgram:
    """Starts a contestant, which builds its model and makes one step; a context manager.

    Args:
        contestant: the program.
        settings: of the training, for its `build`; `helped` and `optimizer` are added.
        core: number of the one core to use, or None for all.
        scratch: an existing folder.

    Attributes:
        ready: what `measured_program` says of the start.

    Raises:
        ValueError: it failed; with the end of its standard error and the command.
    """

    def __init__(
        self, contestant: Contestant, settings: dict[str, Any], *, core: int | None, scratch: str
    ):
        self.contestant = contestant
        own = {"helped": contestant.helped, "optimizer": contestant.optimizer}
        with tempfile.NamedTemporaryFile(
            "w", dir=scratch, suffix=".json", delete=False, encoding="utf-8"
        ) as file:
            json.dump({**settings, **own}, file)
        cores = "all" if core is None else str(core)
        self._command = [contestant.python, _LOOP, contestant.program, file.name, cores]
        self._errors = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115, closed with the process
        self._process = subprocess.Popen(
            self._command,
            env=contestant.environment(os.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        try:
            self.ready = self._answer()
        except BaseException:
            self.close()
            raise

    def run(self, num_steps: int) -> Turn:
        """Makes steps and returns what they cost."""
        with contextlib.suppress(BrokenPipeError):  # it has ended; its answer says why
            print(num_steps, file=self._process.stdin, flush=True)
        return Turn(**self._answer())

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def __enter__(self) -> RunningProgram:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if line.endswith("\n"):
            return json.loads(line)
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        raise ValueError(
            f"Expected {self.contestant.name} to train, received exit code {code}:\n"
            f"  {shlex.join(self._command)}\n{said[-_MAX_ERROR_CHARACTERS:].strip()}"
        )


@contextlib.contextmanager
def running(
    contestants: Sequence[Contestant],
    settings: dict[str, Any],
    *,
    title: str,
    core: int | None,
    scratch: str,
) -> Iterator[dict[str, RunningProgram]]:
    """Starts all contestants, one after the other; all live until the end of the block.

    Args:
        contestants: in the order of the table.
        settings, core, scratch: as of `RunningProgram`.
        title: of what they train, to say which one starts.

    Yields:
        The programs by name.

    Raises:
        ValueError: one failed.
    """
    with contextlib.ExitStack() as stack:
        programs = {}
        for contestant in contestants:
            print(f"{title}: {contestant.name}", file=sys.stderr)
            program = RunningProgram(contestant, settings, core=core, scratch=scratch)
            programs[contestant.name] = stack.enter_context(program)
        yield programs


def one_core(core: int | None) -> int:
    """Returns the number of the core that a measurement on one core uses: None is the last one."""
    return max(os.sched_getaffinity(0)) if core is None else core
