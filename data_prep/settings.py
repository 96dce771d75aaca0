"""The settings of one folder of records: what was set, and what it was set for.

The dataclasses of the stages and the functions that make flags of them are offered here too, so
that others import one module for settings.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from data_prep import recorded_settings
from data_prep.masking_rules import MaskingRules
from data_prep.setting_flags import add_flags, from_flags, setting, to_flags
from data_prep.stage_settings import (
    CorpusSettings,
    RecordSettings,
    VocabularySettings,
    bins_message,
)

__all__ = [
    "CorpusSettings",
    "FolderSettings",
    "MaskingRules",
    "PreparationSettings",
    "RecordSettings",
    "VocabularySettings",
    "add_flags",
    "from_flags",
    "is_heldout",
    "setting",
    "to_flags",
]


class FolderSettings:
    """What the settings of every folder of records have in common: its blocks, and comparing them.

    Fields of a subclass: `num_shards`, `heldout_fraction`, `random_seed`.
    """

    @property
    def num_heldout_shards(self) -> int:
        """Shards of the held-out split: its fraction of `num_shards`, at least one."""
        if not self.heldout_fraction:
            return 0
        return max(1, round(self.num_shards * self.heldout_fraction))

    def shards_of(self, split: str) -> int:
        """Returns the number of shards of `train` or `heldout`."""
        return self.num_shards if split == "train" else self.num_heldout_shards

    def block_keys(self) -> list[str]:
        """Returns the name of every block of documents; each becomes one shard."""
        return [
            f"{split}-{index:05d}"
            for split in ("train", "heldout")
            for index in range(self.shards_of(split))
        ]

    def shard_files(self, block_key: str) -> list[str]:
        """Returns the file names of the shards of a block."""
        return [f"{self._shard_name(block_key)}.tfrecord"]

    def key_of(self, split: str, identity: bytes) -> str:
        """Returns the block of a split that something belongs to: by its identity and the seed."""
        key = str(self.random_seed).encode()
        digest = hashlib.blake2b(identity, digest_size=8, key=key[:64]).digest()
        return f"{split}-{int.from_bytes(digest, 'little') % self.shards_of(split):05d}"

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def fingerprint(self) -> str:
        """Returns a hash that finished shards carry, to be kept only under equal settings."""
        text = json.dumps(self._compared(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, other: dict[str, Any]) -> list[str]:
        """Returns what differs from recorded settings, in words: "dupe_factor: 10, now 5"."""
        return recorded_settings.describe_differences(other, self.to_json())

    def _compared(self) -> dict[str, Any]:
        # How the input was spelled is no difference; which files it came to is.
        return {name: value for name, value in self.to_json().items() if name != "input"}

    def _shard_name(self, block_key: str) -> str:
        return f"{block_key}-of-{self.shards_of(block_key.split('-')[0]):05d}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreparationSettings(FolderSettings, RecordSettings):
    """The settings of one folder of records, as its manifest states them.

    Attributes:
        input: the --input arguments.
        input_digest: SHA-256 over path, size and layout of every input file.
        vocab_sha256: of the vocabulary file.
        do_lower_case: decided.
    """

    input: tuple[str, ...]
    input_digest: str
    vocab_sha256: str
    do_lower_case: bool = True

    def __post_init__(self):
        super().__post_init__()
        if self.lengths[-1] != self.max_seq_length:
            raise ValueError(bins_message(self.bins, self.max_seq_length))

    @property
    def marks_words(self) -> bool:
        """Whether records depend on which tokens are one word; see `WordpieceTokenizer`."""
        return self.do_whole_word_mask or self.masking == "dynamic"

    def shard_files(self, block_key: str) -> list[str]:
        """Returns the file names of the shards of a block, one for each of `lengths`."""
        name = self._shard_name(block_key)
        bins = [f"-bin-{length:05d}" for length in self.lengths] if self.bins else [""]
        suffix = ".tfrecord.gz" if self.compression == "gzip" else ".tfrecord"
        return [f"{name}{each}{suffix}" for each in bins]

    def block_of(self, document_id: bytes) -> str:
        """Returns the block a document belongs to: by its text and the seed, nothing else."""
        split = "heldout" if is_heldout(document_id, self.heldout_fraction) else "train"
        return self.key_of(split, document_id)


def is_heldout(document_id: bytes, heldout_fraction: float) -> bool:
    """Says whether a document is held out: by its text alone, not by the seed.

    So a corpus prepared again with another seed holds out the same documents, and a larger fraction
    holds out all of those of a smaller one.
    """
    digest = hashlib.blake2b(document_id, digest_size=8, person=b"heldout").digest()
    return int.from_bytes(digest, "little") < heldout_fraction * 2**64
