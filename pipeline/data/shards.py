"""The files of one split that a run reads, and how many records each holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from data_prep import features as records


@dataclasses.dataclass(frozen=True)
class Shards:
    """Files of one split.

    Attributes:
      files: paths, in order.
      counts: records in each, at least one.
      lengths: positions of a record in each.
    """

    files: list[str]
    counts: list[int]
    lengths: list[int]

    @property
    def num_sequences(self) -> int:
        """Returns the records in all files."""
        return sum(self.counts)


def shards_of(
    manifest: records.Manifest,
    data_dir: str,
    split: str,
    max_seq_length: int,
    *,
    with_shorter: bool = False,
) -> Shards:
    """Returns one split's shards, in order; of records with bins, those of one length.

    Args:
      manifest: of the records.
      data_dir: their folder.
      split: "train" or "heldout".
      max_seq_length: positions of a record.
      with_shorter: takes the shorter bins, too.

    Raises:
      ValueError: the split has no such sequences.
    """
    shards = zip(
        manifest.shard_files(data_dir, split),
        manifest.splits.get(split, {}).get("shards", []),
        strict=True,
    )
    rows = [
        (file, shard["sequences"], shard.get("max_seq_length", max_seq_length))
        for file, shard in shards
    ]
    rows = [
        (file, count, length)
        for file, count, length in rows
        if count and (length == max_seq_length or (with_shorter and length < max_seq_length))
    ]
    if not rows:
        raise ValueError(
            f"{data_dir} holds no '{split}' sequences of {max_seq_length} tokens. Prepare the "
            "corpus again with more documents or, for 'heldout', a larger --heldout_fraction."
        )
    return Shards(*map(list, zip(*rows, strict=True)))


def compression(files: Sequence[str]) -> str:
    """Returns TensorFlow's name for how the shards are compressed; all are alike."""
    return "GZIP" if files[0].endswith(".gz") else ""
