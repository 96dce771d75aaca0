"""What an output was made with, compared with what is asked for now, in words a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_PHRASES = {
    "vocab_sha256": "vocab_file: another vocabulary",
    "input_digest": "input: the files have changed since",
}


def describe_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns one phrase for each setting that differs, such as "dupe_factor: 10, now 5".

    How the input was spelled is no difference; which files it came to (`input_digest`) is.

    Args:
        before: settings as they were recorded.
        now: settings of this run, as JSON values; those missing here are not compared.
    """
    found = []
    for name, value in now.items():
        if name == "input" or before.get(name) == value:
            continue
        if name == "input_digest" and before.get("input") != now.get("input"):
            found.append(f"input: {before.get('input')}, now {now.get('input')}")
        else:
            found.append(_PHRASES.get(name, f"{name}: {before.get(name)}, now {value}"))
    return found
