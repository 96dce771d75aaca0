"""The name of this machine's processor, on which every rate depends."""

from __future__ import annotations

import platform
import re


def name() -> str:
    """Returns the model name that Linux gives the first core, or the architecture."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = re.findall(r"model name\s*: (.*)", file.read())
    except OSError:
        names = []
    return names[0] if names else platform.machine()
