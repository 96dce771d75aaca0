"""Runs one program in this process and writes its cost, imports apart, to a file.

    python -m pipeline.lab.prepare.measured_call REPORT CORE MODULE[,IMPORT...] FLAGS...

calls `MODULE.main(FLAGS)` and writes to REPORT, as JSON, `cpu_seconds` (user and system, child
processes included), `peak_mb` and `imports_mb` (peak resident memory in all, and when the imports
were done). CPU time, because other programs on the machine do not lengthen it.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import sys
from collections.abc import Sequence

_PEAK_MEMORY = re.compile(r"VmHWM:\s+(\d+) kB")


def main(argv: Sequence[str]) -> int:
    """Imports, calls, measures; returns what the program returns."""
    report, core, imports, *flags = argv
    os.sched_setaffinity(0, {int(core)})
    program, *_ = [importlib.import_module(name) for name in imports.split(",")]
    imports_mb, before = _peak_mb(), _cpu_seconds()
    status = program.main(flags)
    measured = {
        "cpu_seconds": _cpu_seconds() - before,
        "peak_mb": _peak_mb(),
        "imports_mb": imports_mb,
    }
    with open(report, "w", encoding="utf-8") as file:
        json.dump(measured, file)
    return status


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak_mb() -> float:
    # Not ru_maxrss: it begins with what the process that started this one had reached.
    with open("/proc/self/status", encoding="ascii") as status:
        return int(_PEAK_MEMORY.search(status.read()).group(1)) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
