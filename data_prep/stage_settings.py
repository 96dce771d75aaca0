"""What can be set for a corpus, its vocabulary and its records: one dataclass a stage, checked.

The flags of a command and the section of a recipe are made of the same dataclass, so that each
default is written once.
"""

from __future__ import annotations

import dataclasses

from data_prep.corpus import bad_input, sentences
from data_prep.setting_flags import setting

MAX_SEQ_LENGTH_LIMIT = 4_096
_SHORTEST_SEQ_LENGTH = 8
_MOST_SHARDS = 99_999
_LONGEST_NGRAM = 10
SPAN_CORRUPTION = "span_corruption"


@dataclasses.dataclass(frozen=True)
class CorpusSettings:
    """How the text of a corpus is read."""

    sentences: str = setting(
        "split", "split lines into sentences, or given: every line is one", choices=sentences.MODES
    )
    text_field: str = setting("text", "JSON field or Parquet column that holds the text")

    def __post_init__(self):
        for field in dataclasses.fields(self):
            choices = field.metadata.get("choices")
            if choices and getattr(self, field.name) not in choices:
                raise ValueError(
                    f"Expected --{field.name} to be one of {', '.join(choices)}, received "
                    f"{getattr(self, field.name)!r}."
                )


@dataclasses.dataclass(frozen=True)
class VocabularySettings(CorpusSettings):
    """The settings of a vocabulary."""

    vocab_size: int = setting(30_522, "most entries")
    do_lower_case: bool = setting(True, "lower-case and strip accents")
    limit_alphabet: int | None = setting(None, "most characters (default: all that fit)")

    def __post_init__(self):
        super().__post_init__()
        if self.vocab_size < 1:
            raise ValueError(f"Expected --vocab_size of at least 1, received {self.vocab_size}.")
        if self.limit_alphabet is not None and self.limit_alphabet < 1:
            raise ValueError(
                f"Expected --limit_alphabet of at least 1, received {self.limit_alphabet}. Leave "
                "it out to keep every character that fits."
            )


@dataclasses.dataclass(frozen=True)
class RecordSettings(CorpusSettings):
    """The settings that shape records; names and defaults are google-research/bert's.

    Training reads `max_seq_length` (of records in bins, which of them), and of records that it
    masks itself `masked_lm_prob`, `max_predictions_per_seq` and `do_whole_word_mask`.
    """

    max_seq_length: int = setting(128, "tokens in a record")
    max_predictions_per_seq: int = setting(
        20, "most predictions in a record; not of span_corruption"
    )
    masked_lm_prob: float = setting(0.15, "fraction of the tokens to predict")
    dupe_factor: int = setting(10, "times the text is used, each time with new masks and pairs")
    short_seq_prob: float = setting(0.1, "fraction of the records that are made shorter")
    random_seed: int = setting(12345, "seed of every random choice")
    do_whole_word_mask: bool = setting(
        False, "mask all pieces of a word or none; not of span_corruption"
    )
    max_ngram: int = setting(1, "mask up to so many neighbouring words as one")
    do_lower_case: bool | None = setting(
        None, "lower-case and strip accents (default: as the vocabulary was learned, else true)"
    )
    heldout_fraction: float = setting(0.02, "fraction of the documents to hold out")
    num_shards: int = setting(
        8, "shards of the training split; the held-out split has its fraction of them"
    )
    bins: str = setting(
        "",
        "pad each record to the smallest of these lengths that holds it, such as 64,128,256,512, "
        "the last of them --max_seq_length (default: one length)",
        metavar="LENGTHS",
    )
    on_bad: str = setting(
        "quarantine",
        "bad input: quarantine, replace or fail, for all reasons or one; repeat",
        metavar="[REASON=]POLICY",
        repeated=True,
    )
    objective: str = setting(
        "mlm_nsp",
        "masked LM with next-sentence pairs, with sentence order, or alone; or the span corruption "
        "of a T5, spans of three tokens on the average, --masked_lm_prob of all",
        choices=("mlm_nsp", "mlm_sop", "mlm", SPAN_CORRUPTION),
    )
    dedup: str = setting(
        "none", "exact keeps one of the documents of equal text", choices=("none", "exact")
    )
    masking: str = setting(
        "static",
        "masked records, or unmasked ones for a trainer that masks anew in each epoch",
        choices=("static", "dynamic"),
    )
    ids: str = setting(
        "bert",
        "ids of published checkpoints, or of tensorflow-text's BertTokenizer",
        choices=("bert", "tf_text"),
    )
    compression: str = setting("none", "of the shards", choices=("none", "gzip"))

    def __post_init__(self):
        super().__post_init__()
        _check("max_seq_length", self.max_seq_length, _SHORTEST_SEQ_LENGTH, MAX_SEQ_LENGTH_LIMIT)
        if self.replaces_spans:
            self._check_span_corruption()
        else:
            _check("max_predictions_per_seq", self.max_predictions_per_seq, 1, self.max_seq_length)
        _check("masked_lm_prob", self.masked_lm_prob, 0, 1)
        _check("short_seq_prob", self.short_seq_prob, 0, 1)
        _check("dupe_factor", self.dupe_factor, 1, 1_000)
        _check("num_shards", self.num_shards, 1, _MOST_SHARDS)
        _check("heldout_fraction", self.heldout_fraction, 0, 0.9)
        _check("max_ngram", self.max_ngram, 1, _LONGEST_NGRAM)
        bad_input.parse_policies(self.on_bad)
        _check_bins(self.bins, self.max_seq_length)
        if self.max_ngram > 1 and not self.do_whole_word_mask:
            raise ValueError(
                f"Expected --do_whole_word_mask with --max_ngram {self.max_ngram}, because n-grams "
                "are made of whole words. Add it or leave --max_ngram at 1."
            )

    def _check_span_corruption(self) -> None:
        """Refuses what masked records have and spans of tokens have not."""
        if self.masking == "dynamic":
            raise ValueError(
                "Expected --masking static with --objective span_corruption, whose spans are "
                "replaced here, received dynamic."
            )
        for name in ("do_whole_word_mask", "max_predictions_per_seq"):
            value = getattr(self, name)
            if value != getattr(RecordSettings, name):
                raise ValueError(
                    f"Expected no --{name} with --objective span_corruption, whose spans are of "
                    f"single tokens, --masked_lm_prob of all, received {value}. Leave it out."
                )

    @property
    def replaces_spans(self) -> bool:
        """Whether records are those of a T5."""
        return self.objective == SPAN_CORRUPTION

    @property
    def lengths(self) -> tuple[int, ...]:
        """Lengths of records, each in shards of its own; `max_seq_length` alone without bins."""
        return tuple(map(int, (self.bins or str(self.max_seq_length)).split(",")))


def _check_bins(bins: str, max_seq_length: int) -> None:
    if not bins:
        return
    lengths = [int(each) if each.strip().isdigit() else 0 for each in bins.split(",")]
    if (
        lengths[0] < _SHORTEST_SEQ_LENGTH
        or lengths != sorted(set(lengths))
        or max_seq_length not in lengths
    ):
        raise ValueError(bins_message(bins, max_seq_length))


def _check(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:  # also False for NaN
        raise ValueError(f"Expected --{name} from {lowest} to {highest}, received {value}.")


def bins_message(bins: str, max_seq_length: int) -> str:
    """Returns what is said of bins that cannot be used."""
    return (
        f"Expected --bins of increasing lengths from {_SHORTEST_SEQ_LENGTH}, the last of them "
        f"--max_seq_length ({max_seq_length}), separated by commas, received {bins!r}."
    )
