"""What an earlier call left in a folder of scores, and whether it may be continued.

It may with the same settings, and with the same weights to start from.
"""

import json
import os
from collections.abc import Mapping

from pipeline.recipes.loader import differences


def read_results(path: str) -> dict | None:
    """The content of `results.json`, or None if there is none.

    Raises:
      ValueError: If it is not what an earlier call wrote.
    """
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, Mapping) or not _is_of_scores(content):
        raise ValueError(
            f"{path}: expected JSON with settings and rows, received {text[:80]!r}; delete the "
            "file to score anew, or give another --output"
        )
    return content


def _is_of_scores(content: Mapping) -> bool:
    return isinstance(content.get("settings"), Mapping) and isinstance(content.get("rows"), list)


def check_unchanged(directory: str, old: Mapping, new: Mapping) -> None:
    """Raises ValueError if two contents of `results.json` have other settings or weights."""
    changed = differences(old["settings"], new["settings"])
    if not changed:
        return
    if other := _other_weights(old, new):
        raise ValueError(f"{directory} holds results of {other}; use another --output")
    raise ValueError(
        f"{directory} holds results of other settings: {'; '.join(changed)}. "
        "Give another --output, or the old settings"
    )


def _other_weights(old: Mapping, new: Mapping) -> str:
    """What became of the pre-trained weights if nothing else changed; "" otherwise.

    Their hash tells that they differ, and a reader nothing.
    """
    before = old["settings"].get("encoder_hash")
    same_but_weights = {**new["settings"], "encoder_hash": before} == old["settings"]
    if not before or not same_but_weights or new["initialisation"] != "checkpoint":
        return ""
    if os.path.realpath(old["checkpoint"]) != os.path.realpath(new["checkpoint"]):
        return f"{old['checkpoint']}, received {new['checkpoint']}"
    earlier, step = old.get("encoder_step"), new.get("encoder_step")
    if earlier is None or step is None:
        became = "trained further since"
    elif step > earlier:
        became = f"trained further since, from step {earlier:,} to {step:,}"
    else:
        became = "trained anew since"
    return f"earlier weights: {new['checkpoint']} was {became}"
