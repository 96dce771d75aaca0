"""The manifest of a folder of records: what made it, what it holds, and how to check it.

A folder of records holds `train-*.tfrecord`, `heldout-*.tfrecord`, `vocab.txt`, `rejects/`,
`manifest.json` and, written last, `COMPLETED`. Without `COMPLETED` the folder is not finished,
regardless of what else is in it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any

from data_prep import storage

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
VOCAB_FILE = "vocab.txt"
COMPLETED_FILE = "COMPLETED"
TEXT, IMAGES = "text", "images"  # kinds of records; settings of text name none


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The description of a finished folder of records.

    Attributes:
        settings: the flags that shaped the records, by google-research/bert's names, and `input`.
        vocab: `size` (entries) and `sha256` of `vocab.txt`.
        splits: `train` and `heldout`: `documents`, `sequences`, `shards` (`file`, `sequences`,
            `sha256`); of images `images`, `classes` (images of each) and their shards.
        counts: bytes, lines, documents, sentences and tokens on their way in.
        rejects: reason -> number of rejects.
        statistics: lengths and fractions, measured over all sequences.
        versions: name -> version of the software that made the records.
        format_version: of this file.
    """

    settings: Mapping[str, Any]
    vocab: Mapping[str, Any]
    splits: Mapping[str, Any]
    counts: Mapping[str, int]
    rejects: Mapping[str, int]
    statistics: Mapping[str, Any]
    versions: Mapping[str, str]
    format_version: int = FORMAT_VERSION

    def save(self, directory: str) -> None:
        """Writes `manifest.json` under a temporary name, then renames it."""
        content = json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True)
        storage.write_whole(os.path.join(directory, MANIFEST_FILE), content.encode() + b"\n")

    def shard_files(self, directory: str, split: str) -> list[str]:
        """Returns the paths of the shards of `train` or `heldout`, in order."""
        shards = self.splits.get(split, {}).get("shards", [])
        return [os.path.join(directory, shard["file"]) for shard in shards]


def load_manifest(directory: str, kind: str | None = TEXT) -> Manifest:
    """Reads the manifest of a finished folder of records.

    Args:
        directory: the folder.
        kind: of the records, `TEXT` or `IMAGES`; None for any.

    Raises:
        FileNotFoundError: the folder, its manifest or its COMPLETED marker is missing.
        ValueError: the manifest is not JSON, lacks a part, has another format version or is of
            other records.
    """
    path = os.path.join(directory, MANIFEST_FILE)
    for needed in (directory, os.path.join(directory, COMPLETED_FILE), path):
        if not storage.exists(needed):
            raise FileNotFoundError(
                f"{directory}: expected a finished folder of records, but {needed} does not exist. "
                f"Run `mnemosyne prepare ... --output {directory}` (again) to finish it."
            )
    try:
        content = json.loads(storage.read_whole(path))
        version = content["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: expected the JSON that `mnemosyne prepare` writes, received something else "
            f"({error}). Delete the folder and prepare it again."
        ) from error
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{path}: expected format_version {FORMAT_VERSION}, received {version}. Prepare the "
            "records again with this version, or use the version that made them."
        )
    names = {field.name for field in dataclasses.fields(Manifest)}
    if missing := names - set(content):
        raise ValueError(
            f"{path}: expected the parts {sorted(names)}, but {sorted(missing)} are missing. "
            "Delete the folder and prepare it again."
        )
    manifest = Manifest(**{name: content[name] for name in names})
    found = manifest.settings.get("kind", TEXT)
    if kind not in (None, found):
        raise ValueError(f"{directory}: expected records of {kind}, received records of {found}.")
    return manifest
