"""Everything that shapes the records, checked, comparable and written into the manifest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from data_prep import recorded_settings
from data_prep.corpus import bad_input, sentences

MAX_SEQ_LENGTH_LIMIT = 4_096
_SHORTEST_SEQ_LENGTH = 8
_MOST_SHARDS = 99_999
_LONGEST_NGRAM = 10

CHOICES = {
    "sentences": sentences.MODES,
    "objective": ("mlm_nsp", "mlm_sop", "mlm"),
    "dedup": ("none", "exact"),
    "masking": ("static", "dynamic"),
    "ids": ("bert", "tf_text"),
    "compression": ("none", "gzip"),
}


@dataclasses.dataclass(frozen=True)
class PreparationSettings:
    """The settings of one folder of records; defaults and names are google-research/bert's.

    Attributes:
        input: the --input arguments.
        input_digest: SHA-256 over path, size and layout of every input file.
        vocab_sha256: of the vocabulary file.
        heldout_fraction: share of documents, in [0, 1), for the held-out split.
        num_shards: shards of the train split; the held-out split has its share of them.
        sentences: "split" the lines, or "given": every line is one sentence.
        text_field: JSON field or Parquet column that holds the text.
        objective: what a record teaches; see `sentence_pairs` and `packed_sentences`.
        max_ngram: most whole words that are masked as one.
        dedup: "exact" keeps one of the documents of equal text, "none" all.
        ids: "bert" or "tf_text"; see `wordpiece`.
        compression: of the shards, "none" or "gzip".
        on_bad: policy text for bad input; see `bad_input`.
        bins: lengths, separated by commas, the last of them max_seq_length: a record is padded to
            the smallest that holds it, and each has its own shards. Empty for one length alone.
        masking: "static" in the records, or "dynamic": left to the trainer; see `features`.
    """

    input: tuple[str, ...]
    input_digest: str
    vocab_sha256: str
    max_seq_length: int = 128
    max_predictions_per_seq: int = 20
    masked_lm_prob: float = 0.15
    dupe_factor: int = 10
    short_seq_prob: float = 0.1
    random_seed: int = 12345
    do_whole_word_mask: bool = False
    do_lower_case: bool = True
    heldout_fraction: float = 0.0
    num_shards: int = 8
    sentences: str = "split"
    text_field: str = "text"
    objective: str = "mlm_nsp"
    max_ngram: int = 1
    dedup: str = "none"
    ids: str = "bert"
    compression: str = "none"
    on_bad: str = "quarantine"
    masking: str = "static"
    bins: str = ""

    def __post_init__(self):
        _check("max_seq_length", self.max_seq_length, _SHORTEST_SEQ_LENGTH, MAX_SEQ_LENGTH_LIMIT)
        _check("max_predictions_per_seq", self.max_predictions_per_seq, 1, self.max_seq_length)
        _check("masked_lm_prob", self.masked_lm_prob, 0, 1)
        _check("short_seq_prob", self.short_seq_prob, 0, 1)
        _check("dupe_factor", self.dupe_factor, 1, 1_000)
        _check("num_shards", self.num_shards, 1, _MOST_SHARDS)
        _check("heldout_fraction", self.heldout_fraction, 0, 0.9)
        _check("max_ngram", self.max_ngram, 1, _LONGEST_NGRAM)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"Expected --{name} to be one of {', '.join(choices)}, received "
                    f"{getattr(self, name)!r}."
                )
        bad_input.parse_policies(self.on_bad)
        _check_bins(self.bins, self.max_seq_length)
        if self.max_ngram > 1 and not self.do_whole_word_mask:
            raise ValueError(
                f"Expected --do_whole_word_mask with --max_ngram {self.max_ngram}, because n-grams "
                "are made of whole words. Add it or leave --max_ngram at 1."
            )

    @property
    def marks_words(self) -> bool:
        """Whether records depend on which tokens are one word; see `WordpieceTokenizer`."""
        return self.do_whole_word_mask or self.masking == "dynamic"

    @property
    def num_heldout_shards(self) -> int:
        """Shards of the held-out split: its share of `num_shards`, at least one."""
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

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of records, each in shards of its own; `max_seq_length` alone without bins."""
        return tuple(map(int, (self.bins or str(self.max_seq_length)).split(",")))

    def shard_files(self, block_key: str) -> list[str]:
        """Returns the file names of the shards of a block, one for each of `lengths`."""
        name = f"{block_key}-of-{self.shards_of(block_key.split('-')[0]):05d}"
        bins = [f"-bin-{length:05d}" for length in self.lengths] if self.bins else [""]
        suffix = ".tfrecord.gz" if self.compression == "gzip" else ".tfrecord"
        return [f"{name}{each}{suffix}" for each in bins]

    def block_of(self, document_id: bytes) -> str:
        """Returns the block a document belongs to: by its text and the seed, nothing else."""
        split = "heldout" if is_heldout(document_id, self.heldout_fraction) else "train"
        key = str(self.random_seed).encode()
        digest = hashlib.blake2b(document_id, digest_size=8, key=key[:64]).digest()
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
        # Folders made before a setting was brought in were made with its default.
        before = {**_defaults(), **other}
        return recorded_settings.describe_differences(before, self.to_json())

    def _compared(self) -> dict[str, Any]:
        # How the input was spelled is no difference; which files it came to is.
        return {name: value for name, value in self.to_json().items() if name != "input"}


def is_heldout(document_id: bytes, heldout_fraction: float) -> bool:
    """Says whether a document is held out: by its text alone, not by the seed.

    So a corpus prepared again with another seed holds out the same documents, and a larger fraction
    holds out all of those of a smaller one.
    """
    digest = hashlib.blake2b(document_id, digest_size=8, person=b"heldout").digest()
    return int.from_bytes(digest, "little") < heldout_fraction * 2**64


def _defaults() -> dict[str, Any]:
    fields = dataclasses.fields(PreparationSettings)
    return {each.name: each.default for each in fields if each.default is not dataclasses.MISSING}


def _check_bins(bins: str, max_seq_length: int) -> None:
    if not bins:
        return
    lengths = [int(each) if each.strip().isdigit() else 0 for each in bins.split(",")]
    if (
        lengths[0] < _SHORTEST_SEQ_LENGTH
        or lengths != sorted(set(lengths))
        or lengths[-1] != max_seq_length
    ):
        raise ValueError(
            f"Expected --bins of increasing lengths from {_SHORTEST_SEQ_LENGTH}, the last of them "
            f"--max_seq_length ({max_seq_length}), separated by commas, received {bins!r}."
        )


def _check(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:  # also False for NaN
        raise ValueError(f"Expected --{name} from {lowest} to {highest}, received {value}.")
