"""One measured step in a process of its own, which is begun only if its memory is free."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
import sys
from typing import Any

_MEMORY = pathlib.Path("/proc/meminfo")


def measured(module: str, settings: Any, *, bytes_needed: float) -> tuple[dict | None, str]:
    """Runs `python -m MODULE SETTINGS`, whose last line of output is a result in JSON.

    Args:
      module: full name.
      settings: a dataclass, given as JSON.
      bytes_needed: at the peak.

    Returns:
      The result, and an empty string; or None, and why there is none.
    """
    free = free_bytes()
    if free is not None and bytes_needed > free:
        return None, (
            f"not begun: expected {bytes_needed / 1e9:.1f} GB of free memory, received "
            f"{free / 1e9:.1f}"
        )
    command = [sys.executable, "-m", module, json.dumps(dataclasses.asdict(settings))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        return None, f"ended with code {done.returncode}: see above; -9 is out of memory"
    return json.loads(done.stdout.splitlines()[-1]), ""


def free_bytes() -> int | None:
    """Memory that can be had without swapping, in bytes; None where the system does not say."""
    if not _MEMORY.is_file():
        return None
    line = next(x for x in _MEMORY.read_text().splitlines() if x.startswith("MemAvailable:"))
    return 1024 * int(line.split()[1])
