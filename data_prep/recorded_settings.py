"""What an output was made with, compared with what is asked for now, in words a person reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from data_prep import storage

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


def casing(vocab_file: str, do_lower_case: bool | None) -> bool:
    """Returns whether text is lower-cased for a vocabulary: as it was learned.

    Args:
        vocab_file: one of `mnemosyne vocab` has a FILE.json that says how it was learned.
        do_lower_case: what is asked for; None follows the vocabulary, or without a record is True.

    Raises:
        ValueError: the vocabulary was learned the other way.
    """
    learned = _learned_casing(vocab_file)
    if learned is None:
        return do_lower_case is not False
    if do_lower_case not in (None, learned):
        asked, was = str(do_lower_case).lower(), str(learned).lower()
        raise ValueError(
            f"--do_lower_case {asked}: {vocab_file} was learned with --do_lower_case {was}, as "
            f"{vocab_file}.json says. Leave the flag out, or learn a vocabulary with "
            f"--do_lower_case {asked}."
        )
    return learned


def _learned_casing(vocab_file: str) -> bool | None:
    record = f"{vocab_file}.json"
    if not storage.exists(record):
        return None
    try:
        return bool(json.loads(storage.read_whole(record))["settings"]["do_lower_case"])
    except (ValueError, KeyError, TypeError):  # a file of somebody else by that name
        return None
