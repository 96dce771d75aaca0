"""Finished runs in one file, a JSON line each, which comparisons and the results page read.

    {"task": "bert_l2_h64", "optimizer": "adamw", "learning_rate": 0.004, "seed": 0,
     "settings": "5f0c...", "data": "91ab...", "about": "...", "batch_size": 64,
     "plateau": 6.298, "date": "2026-11-28", "curve": {"steps": [75, ...], "losses": ...}}

A run is found by task, settings, data and seed. `optimizer` is the name under which it was made:
contestants of equal settings share a run.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Iterable

FILE_NAME = "runs.jsonl"
# Decimals kept: of losses and accuracies one more than any table prints.
_DECIMALS = {"seconds": 2, "cpu_seconds": 2, "losses": 5, "accuracies": 5}


@dataclasses.dataclass(frozen=True)
class Curve:
    """The course of a run; lists of one length, in the order of the steps.

    Attributes:
        steps: taken at each evaluation.
        seconds: of training up to there, without compilation and evaluation.
        cpu_seconds: the same in CPU time of the process, which other programs do not lengthen.
        losses, accuracies: on the held-out part; losses in nats.
    """

    steps: list[int] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    cpu_seconds: list[float] = dataclasses.field(default_factory=list)
    losses: list[float] = dataclasses.field(default_factory=list)
    accuracies: list[float] = dataclasses.field(default_factory=list)

    def rounded(self) -> Curve:
        """Returns the curve as a file keeps it; what is not finite becomes NaN."""
        return dataclasses.replace(
            self,
            **{
                name: [_round(value, decimals) for value in getattr(self, name)]
                for name, decimals in _DECIMALS.items()
            },
        )


@dataclasses.dataclass(frozen=True)
class RunKey:
    """What identifies a run.

    Attributes:
        task: its name.
        settings: fingerprint of the optimizer with all its settings, and of batches and steps.
        data: fingerprint of all inputs and labels.
        seed: of initial weights and the order of the data.
    """

    task: str
    settings: str
    data: str
    seed: int


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """One line of the file.

    Attributes:
        key: what identifies it.
        optimizer: name of the contestant that it was made for.
        learning_rate: its peak; of Mnemosyne a multiple of the built-in rates.
        about: the data, in words.
        batch_size: images or sequences a step.
        plateau: of the task, nats, or None.
        date: on which it was made, `YYYY-MM-DD`.
        curve: its course.
    """

    key: RunKey
    optimizer: str
    learning_rate: float
    about: str
    batch_size: int
    plateau: float | None
    date: str
    curve: Curve

    def to_line(self) -> str:
        """Returns the line, without its end."""
        content = {**dataclasses.asdict(self.key), **vars(self)}
        del content["key"]
        content["curve"] = {
            name: [None if isinstance(x, float) and math.isnan(x) else x for x in values]
            for name, values in vars(self.curve.rounded()).items()
        }
        return json.dumps(content, allow_nan=False, separators=(", ", ": "))

    @classmethod
    def from_line(cls, line: str) -> FinishedRun:
        """Reads a line.

        Raises:
            ValueError: it is no whole line of such a file.
        """
        try:
            content = json.loads(line)
            key = RunKey(*(content.pop(field.name) for field in dataclasses.fields(RunKey)))
            curve = {
                name: [math.nan if x is None else x for x in values]
                for name, values in content.pop("curve").items()
            }
            return cls(key=key, curve=Curve(**curve), **content)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"expected the fields of a finished run, received {error}") from error


class RunsFile:
    """Reads finished runs and adds to them; several processes may share the file.

    Args:
        path: the file, whose name ends in .jsonl, or the folder of a file `runs.jsonl`; it is made
            by the first run that is added.
    """

    def __init__(self, path: str):
        self.path = path if path.endswith(".jsonl") else os.path.join(path, FILE_NAME)
        self._runs: dict[RunKey, FinishedRun] = {}
        self._size_read = -1

    def find(self, key: RunKey) -> FinishedRun | None:
        """Returns the run of this key, or None."""
        self._read()
        return self._runs.get(key)

    def all(self) -> list[FinishedRun]:
        """Returns all runs, in the order of the file."""
        self._read()
        return [*self._runs.values()]

    def add(self, run: FinishedRun) -> None:
        """Appends a run; what a killed process left of its line does not spoil the new one."""
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
        with open(self.path, "a+b") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 1))
            separator = b"\n" if size and stream.read(1) != b"\n" else b""
            stream.write(separator + run.to_line().encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def _read(self) -> None:
        size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        if size == self._size_read:
            return
        self._runs, self._size_read = {}, size
        if size:
            with open(self.path, encoding="utf-8") as stream:
                self._runs = {run.key: run for run in self._whole_lines(stream)}

    def _whole_lines(self, lines: Iterable[str]) -> Iterable[FinishedRun]:
        for number, line in enumerate(lines, start=1):
            try:
                yield FinishedRun.from_line(line)
            except ValueError as error:
                print(
                    f"{self.path}:{number}: left out, its run is made again: {error}",
                    file=sys.stderr,
                )


def _round(value: float, decimals: int) -> float:
    return round(value, decimals) if math.isfinite(value) else math.nan
