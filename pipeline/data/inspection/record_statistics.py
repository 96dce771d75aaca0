"""Statistics of a set of records: batches to counts, and counts to tables of text."""

import dataclasses
import os
from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.figure import Figure
from tabulate import tabulate

from data_prep import storage

_BINS = 16
_BAR = 50


@dataclasses.dataclass
class RecordStatistics:
    """Counts over records.

    Attributes:
      lengths: Sequences of each length, int64 `[seq_len + 1]`; the index is the
        number of tokens without padding.
      text_tokens: Tokens that are neither padding nor [CLS] nor [SEP].
      unknown: Those whose original is [UNK].
      hidden: Predictions where the input holds [MASK].
      kept: Predictions where the input holds the original.
      replaced: Predictions where it holds another token.
      random_next: Sequences whose second segment is random.
      positions: Positions of all records with their padding; records in bins have
        several lengths.
      words: Words of unmasked records.
      is_masked: Whether the records hold predictions.
      has_pairs: Whether they hold pairs of segments.
    """

    lengths: np.ndarray
    text_tokens: int = 0
    unknown: int = 0
    hidden: int = 0
    kept: int = 0
    replaced: int = 0
    random_next: int = 0
    positions: int = 0
    words: int = 0
    is_masked: bool = True
    has_pairs: bool = True

    @property
    def sequences(self) -> int:
        """Number of records."""
        return int(self.lengths.sum())

    @property
    def predictions(self) -> int:
        """Number of tokens to predict."""
        return self.hidden + self.kept + self.replaced

    def table(self) -> str:
        """The statistics as text: a name and a value a line, each fraction with its whole."""
        tokens = int(self.lengths @ np.arange(len(self.lengths)))
        found = np.flatnonzero(self.lengths)
        median = int(np.searchsorted(self.lengths.cumsum(), (self.sequences + 1) // 2))
        rows = [
            ("sequences", f"{self.sequences:,}"),
            (
                "tokens",
                f"{tokens:,}, {tokens / self.sequences:.1f} a sequence: shortest {found[0]}, "
                f"median {median}, longest {found[-1]}",
            ),
            ("padding", f"{_percent(self.positions - tokens, self.positions)} of all positions"),
            *(self._prediction_rows(tokens) if self.is_masked else self._word_rows()),
            ("random next", self._random_next()),
            (
                "unknown",
                f"{_percent(self.unknown, self.text_tokens, 3)} of the text tokens are [UNK]",
            ),
        ]
        return tabulate(rows, tablefmt="plain", disable_numparse=True)

    def _prediction_rows(self, tokens: int) -> list[tuple[str, str]]:
        kinds = (
            ("[MASK]", self.hidden),
            ("random word", self.replaced),
            ("left as it is", self.kept),
        )
        return [
            (
                "predictions",
                f"{self.predictions:,}, {self.predictions / self.sequences:.1f} a sequence, "
                f"{_percent(self.predictions, tokens)} of the tokens",
            ),
            (
                "shown as",
                ", ".join(f"{name} {_percent(count, self.predictions)}" for name, count in kinds),
            ),
        ]

    def _word_rows(self) -> list[tuple[str, str]]:
        return [
            ("words", f"{self.words:,}, {self.words / self.sequences:.1f} a sequence"),
            ("predictions", "none: masking is left to the trainer"),
        ]

    def _random_next(self) -> str:
        if not self.has_pairs:
            return "none: records of one segment"
        return f"{_percent(self.random_next, self.sequences)} of the sequences"

    def histogram(self) -> str:
        """The lengths as text: a bin a line, with a bar of "#", the longest of them 50 wide."""
        width = max(1, -(-(len(self.lengths) - 1) // _BINS))
        starts = range(1, len(self.lengths), width)
        numbers = [int(self.lengths[start : start + width].sum()) for start in starts]
        last = len(self.lengths) - 1
        rows = [
            (
                f"{start}-{min(start + width - 1, last)}",
                f"{number:,}",
                "#" * round(_BAR * number / max(numbers)),
            )
            for start, number in zip(starts, numbers, strict=True)
        ]
        return tabulate(
            rows,
            ("length", "sequences", ""),
            tablefmt="plain",
            colalign=("left", "right", "left"),
            disable_numparse=True,
        )


def measure(
    batches: Iterable[Mapping[str, np.ndarray]],
    *,
    vocab: list[str],
    max_seq_length: int,
    has_pairs: bool = True,
) -> RecordStatistics:
    """Counts over batches of parsed records.

    Args:
      batches: Records as `data_prep.features.parse_examples` returns them, in NumPy.
      vocab: Token of each id; [MASK], [UNK], [CLS] and [SEP] are looked up.
      max_seq_length: Positions in the longest record.
      has_pairs: Whether the records hold pairs of segments.
    """
    total = RecordStatistics(np.zeros(max_seq_length + 1, np.int64), has_pairs=has_pairs)
    frame = [vocab.index("[CLS]"), vocab.index("[SEP]")]
    for batch in batches:
        total.lengths += np.bincount(batch["input_mask"].sum(axis=1), minlength=max_seq_length + 1)
        total.positions += batch["input_mask"].size
        total.is_masked = "masked_lm_weights" in batch
        if total.is_masked:
            text = _count_predictions(batch, total, mask_id=vocab.index("[MASK]"))
        else:
            text = batch["input_ids"]
            total.words += int(batch["word_starts"].sum())
        is_text = (batch["input_mask"] == 1) & ~np.isin(text, frame)
        total.text_tokens += int(is_text.sum())
        total.unknown += int((is_text & (text == vocab.index("[UNK]"))).sum())
        total.random_next += int(batch["next_sentence_labels"].sum())
    return total


def _count_predictions(
    batch: Mapping[str, np.ndarray], total: RecordStatistics, *, mask_id: int
) -> np.ndarray:
    """Adds the predictions of a batch to `total` and returns its text, `[batch, seq_len]`."""
    rows, slots = np.nonzero(batch["masked_lm_weights"] > 0)
    positions = batch["masked_lm_positions"][rows, slots]
    shown = batch["input_ids"][rows, positions]
    original = batch["masked_lm_ids"][rows, slots]
    hidden, kept = shown == mask_id, shown == original
    total.hidden += int(hidden.sum())
    total.kept += int((kept & ~hidden).sum())
    total.replaced += int((~kept & ~hidden).sum())
    text = batch["input_ids"].copy()
    text[rows, positions] = original
    return text


def save_histogram(statistics: RecordStatistics, path: str) -> None:
    """Writes the lengths as a picture; the suffix of `path` decides its format.

    Raises:
      ValueError: If the suffix is not that of a picture.
    """
    figure = Figure(figsize=(8, 3.5), layout="constrained", dpi=150)
    axes = figure.subplots()
    axes.bar(np.arange(len(statistics.lengths)), statistics.lengths, width=1.0, color="#0072b2")
    axes.set_xlabel("tokens per sequence, without padding")
    axes.set_ylabel("sequences")
    axes.spines[["top", "right"]].set_visible(False)
    with storage.open_whole(path) as file:
        figure.savefig(file, format=os.path.splitext(path)[1].removeprefix("."))


def _percent(part: int, whole: int, decimals: int = 1) -> str:
    return f"{100 * part / whole:.{decimals}f}%" if whole else "none"
