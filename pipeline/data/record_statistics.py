"""What a set of records looks like on the whole: batches in, counts and shares out."""

import dataclasses
import os
from collections.abc import Iterable, Mapping

import numpy as np

_BINS = 16
_BAR = 50


@dataclasses.dataclass
class RecordStatistics:
    """Counts over records; shares are properties.

    Attributes:
      lengths: Sequences of each length, int64 `[seq_len + 1]`; the place is the
        number of tokens without padding.
      text_tokens: Tokens that are neither padding nor [CLS] nor [SEP].
      unknown: Those whose original is [UNK].
      hidden: Predictions where the input holds [MASK].
      kept: Predictions where the input holds the original.
      replaced: Predictions where it holds another token.
      random_next: Sequences whose second segment is random.
      positions: Positions of all records, padding too; bins have records of several lengths.
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

    def lines(self) -> list[str]:
        """The statistics in words, each value with what it is a share of."""
        tokens = int(self.lengths @ np.arange(len(self.lengths)))
        found = np.flatnonzero(self.lengths)
        middle = int(np.searchsorted(self.lengths.cumsum(), (self.sequences + 1) // 2))
        return [
            f"sequences       {self.sequences:,}",
            f"tokens          {tokens:,}, {tokens / self.sequences:.1f} a sequence: shortest "
            f"{found[0]}, median {middle}, longest {found[-1]}",
            f"padding         {_percent(self.positions - tokens, self.positions)} of all positions",
            *self._prediction_lines(tokens),
            *self._pair_lines(),
            f"unknown         {_percent(self.unknown, self.text_tokens, 3)} of the text tokens are "
            "[UNK]",
        ]

    def _prediction_lines(self, tokens: int) -> list[str]:
        if not self.is_masked:
            return [
                f"words           {self.words:,}, {self.words / self.sequences:.1f} a sequence",
                "predictions     none: masking is left to the trainer",
            ]
        return [
            f"predictions     {self.predictions:,}, {self.predictions / self.sequences:.1f} a "
            f"sequence, {_percent(self.predictions, tokens)} of the tokens",
            f"  shown as      [MASK] {_percent(self.hidden, self.predictions)}, random word "
            f"{_percent(self.replaced, self.predictions)}, left as it is "
            f"{_percent(self.kept, self.predictions)}",
        ]

    def _pair_lines(self) -> list[str]:
        if not self.has_pairs:
            return ["random next     none: records of one segment"]
        return [f"random next     {_percent(self.random_next, self.sequences)} of the sequences"]

    def histogram_lines(self) -> list[str]:
        """Lengths as bars of "#", the longest 50 wide."""
        width = max(1, -(-(len(self.lengths) - 1) // _BINS))
        starts = range(1, len(self.lengths), width)
        numbers = [int(self.lengths[start : start + width].sum()) for start in starts]
        last = len(self.lengths) - 1
        return [
            f"{start:>5}-{min(start + width - 1, last):<5} {number:>9,}  "
            f"{'#' * round(_BAR * number / max(numbers))}".rstrip()
            for start, number in zip(starts, numbers, strict=True)
        ]


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
      has_pairs: Whether the labels say anything.
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
    """Writes the lengths as a picture; the ending of `path` decides its format.

    Raises:
      ValueError: If the ending is not a picture format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.5), layout="constrained", dpi=150)
    axes = figure.subplots()
    axes.bar(np.arange(len(statistics.lengths)), statistics.lengths, width=1.0, color="#0072b2")
    axes.set_xlabel("tokens per sequence, without padding")
    axes.set_ylabel("sequences")
    axes.spines[["top", "right"]].set_visible(False)
    base, ending = os.path.splitext(path)
    temporary = f"{base}.tmp{ending}"
    figure.savefig(temporary)
    os.replace(temporary, path)


def _percent(part: int, whole: int, decimals: int = 1) -> str:
    return f"{100 * part / whole:.{decimals}f}%" if whole else "none"
