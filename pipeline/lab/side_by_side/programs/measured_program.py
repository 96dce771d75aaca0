"""Makes training steps of one program when asked to, and says what they cost.

    python measured_program.py PROGRAM.py SETTINGS.json CORE

builds what `PROGRAM.build(settings)` returns and makes one step; then, for each number that it
reads, so many steps. Each time it writes a line of JSON. CORE is a number, or "all". It runs in
the interpreters of other libraries, so it imports the standard library alone.

A program returns an object with `parameters`, the number of its trained weights, and
`run(num_steps)`, which makes steps and returns the loss of the last one. It can import what lies
beside this file: Python looks there because this file is what it was started with.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

_PEAK_MEMORY = re.compile(r"VmHWM:\s+(\d+) kB")


def main(argv: Sequence[str]) -> int:
    """Builds, then answers until its input ends; returns 0."""
    program, settings_file, core = argv
    answers = _take_stdout()
    if core != "all":
        os.sched_setaffinity(0, {int(core)})  # before a library counts the cores
    with open(settings_file, encoding="utf-8") as file:
        settings = json.load(file)
    module = _load(program)
    imports_mb = _peak_mb()
    training, built = _measure(lambda: module.build(settings))
    loss, first = _measure(lambda: training.run(1))
    ready = {
        "parameters": int(training.parameters),
        "first_loss": float(loss),
        "start_cpu_seconds": built["cpu_seconds"] + first["cpu_seconds"],
        "start_wall_seconds": built["wall_seconds"] + first["wall_seconds"],
        "imports_mb": imports_mb,
        "versions": _versions(getattr(module, "PACKAGES", ())),
    }
    print(json.dumps(ready), file=answers, flush=True)
    for line in sys.stdin:
        num_steps = int(line)
        loss, cost = _measure(lambda num_steps=num_steps: training.run(num_steps))
        turn = {"steps": num_steps, "loss": float(loss), **cost, "peak_mb": _peak_mb()}
        print(json.dumps(turn), file=answers, flush=True)
    return 0


def _take_stdout():
    """Returns what standard output was; what a library prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location("program", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _measure(call) -> tuple[Any, dict[str, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, {
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - wall,
    }


def _peak_mb() -> float:
    # Not ru_maxrss: it begins with what the process that started this one had reached.
    with open("/proc/self/status", encoding="ascii") as status:
        return int(_PEAK_MEMORY.search(status.read()).group(1)) * 1024 / 1e6


def _versions(packages: Sequence[str]) -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in packages}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
