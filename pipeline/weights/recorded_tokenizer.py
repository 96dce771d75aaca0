"""What a folder records of its tokenizer besides the vocabulary: the casing and the kind of ids."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence

import yaml

from data_prep.wordpiece import load_vocabulary
from pipeline.weights.casing import is_cased

IDS = ("bert", "tf_text")
# File and path of the key.
_CASING_RECORDS = (
    ("run.json", ("data_manifest", "settings", "do_lower_case")),
    ("recipe.yaml", ("prepare", "do_lower_case")),
    ("recipe.yaml", ("vocab", "do_lower_case")),
    ("vocab.txt.json", ("settings", "do_lower_case")),
    ("tokenizer_config.json", ("do_lower_case",)),
)
_IDS_RECORDS = (
    ("run.json", ("data_manifest", "settings", "ids")),
    ("tokenizer_config.json", ("ids",)),
)


def recorded_casing(folder: str | os.PathLike, vocab_file: str | os.PathLike) -> bool:
    """Says whether the text of a folder is lower-cased and stripped of accents.

    Args:
      folder: of a model.
      vocab_file: whose entries decide where nothing is recorded.

    Raises:
      ValueError: two files of the folder disagree.
    """
    found = _recorded(folder, _CASING_RECORDS, bool, "casing")
    return not is_cased(load_vocabulary(os.fspath(vocab_file))) if found is None else found


def recorded_ids(folder: str | os.PathLike) -> str:
    """Returns the `ids` of a `WordpieceTokenizer`: "bert" where nothing is recorded.

    Raises:
      ValueError: two files of the folder disagree, or one names ids that there are not.
    """
    ids = _recorded(folder, _IDS_RECORDS, str, "kind of ids") or "bert"
    if ids not in IDS:
        raise ValueError(f"{folder}: expected ids {' or '.join(IDS)}, received {ids!r}")
    return ids


def read_facts(path: str | os.PathLike) -> Mapping:
    """Returns the content of a JSON or YAML file; empty where there is no such file."""
    if not os.path.isfile(path):
        return {}
    with open(path, encoding="utf-8") as file:
        is_yaml = os.fspath(path).endswith(".yaml")
        content = yaml.safe_load(file) if is_yaml else json.load(file)
    return content if isinstance(content, Mapping) else {}


def fact(content: Mapping, keys: Sequence[str]):
    """Returns the value that stands below these keys, or None."""
    for key in keys:
        if not isinstance(content, Mapping):
            return None
        content = content.get(key)
    return content


def _recorded(folder: str | os.PathLike, records: Sequence, kind: type, what: str):
    """The one value of a kind that the files of a folder agree on; None where there is none."""
    found = [
        (f"{name}: {'.'.join(keys)}", value)
        for name, keys in records
        if isinstance(value := fact(read_facts(os.path.join(folder, name)), keys), kind)
    ]
    if len({value for _, value in found}) > 1:
        received = ", ".join(f"{name} = {str(value).lower()}" for name, value in found)
        raise ValueError(
            f"{folder}: expected one {what}, received {received}. Text must be "
            "tokenized as it was in training: correct the file that is wrong."
        )
    return found[0][1] if found else None
