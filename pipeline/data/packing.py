"""Which sequences share a row: lengths to rows, in integers, as a function of the lengths alone.

A row has room for so many tokens, sequences and predictions (`RowLimits`). Best-fit decreasing:
the longest sequence first, each into the fullest row that still has room for it, into a new row
where none has. Many sequences have the same length, so rows are counted by kind, and a kind is as
cheap as a row: a thousand sequences take about two milliseconds.

Source: Krell et al. 2021, "Efficient sequence packing without cross-contamination", which packs
histograms of lengths, too.
Differs: best-fit instead of shortest-pack-first, and a row has a limit of predictions.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Sequence

import numpy as np

# Up to so many more rows than without a limit, for a smaller limit of sequences or predictions.
_ROWS_FOR_A_LIMIT = 1.005
# Lengths that stand for all of a split when limits are chosen.
_SAMPLE = 4_096


@dataclasses.dataclass(frozen=True)
class RowLimits:
    """What a row has room for.

    Attributes:
      max_tokens: tokens, special ones counted; the length of the row.
      max_sequences: sequences.
      max_predictions: masked tokens.
    """

    max_tokens: int
    max_sequences: int
    max_predictions: int


@dataclasses.dataclass(frozen=True)
class _Kind:
    """`count` rows that hold sequences of these `lengths`."""

    lengths: tuple[int, ...]
    predictions: int
    count: int


def most_predictions(max_tokens: int, masked_fraction: float, most: int) -> np.ndarray:
    """Returns the most masked tokens of a sequence of each length, int64 `[max_tokens + 1]`.

    Args:
      max_tokens: of the longest sequence.
      masked_fraction: of a sequence's tokens.
      most: in one sequence.

    Source: google-research/bert, create_pretraining_data.py, `num_to_predict`: at least one.
    """
    return np.clip(np.round(np.arange(max_tokens + 1) * masked_fraction), 1, most).astype(np.int64)


def pack(lengths: np.ndarray, *, predictions: np.ndarray, limits: RowLimits) -> np.ndarray:
    """Gives every sequence a place in a row.

    Args:
      lengths: tokens of each sequence, `[num_sequences]`, each from 1 to `max_tokens`.
      predictions: masked tokens of a sequence of each length, `[max_tokens + 1]`.
      limits: of a row.

    Returns:
      int64 `[num_rows, max_sequences]`, indices into `lengths`, -1 behind the last of a row.

    Raises:
      ValueError: a sequence has no token, or alone exceeds a limit.
    """
    if not len(lengths):
        return np.zeros([0, limits.max_sequences], np.int64)
    counts = np.bincount(lengths, minlength=limits.max_tokens + 1)
    kinds = _row_kinds(counts, predictions, limits)
    slots = np.zeros([len(kinds), limits.max_sequences], np.int64)
    for row, kind in zip(slots, kinds, strict=True):
        row[: len(kind.lengths)] = kind.lengths
    slots = np.repeat(slots, [kind.count for kind in kinds], axis=0).ravel()
    # Slots and sequences of one length meet in their order.
    taken = np.flatnonzero(slots)
    rows = np.full(len(slots), -1)
    rows[taken[np.argsort(slots[taken], kind="stable")]] = np.argsort(lengths, kind="stable")
    return rows.reshape(-1, limits.max_sequences)


def limits_for(
    counts: Sequence[int] | np.ndarray, *, max_tokens: int, predictions: np.ndarray
) -> RowLimits:
    """Chooses the limits that cost nothing: the smallest with at most 0.5 % more rows.

    A limit of sequences bounds the next-sentence labels of a row, one of predictions the input of
    the masked-LM head; both are shapes, and what a row does not use of them is computed for
    nothing.

    Args:
      counts: sequences of each length, `[max_tokens + 1]`.
      max_tokens: length of a row.
      predictions: as for `pack`.

    Returns:
      The limits; of equal counts always the same.
    """
    # Of all lengths, the rare ones, too: a row must hold any sequence alone.
    most_alone = int(predictions[np.flatnonzero(counts)].max())
    counts = _sample(np.asarray(counts), _SAMPLE)

    def num_rows(max_sequences, max_predictions):
        limits = RowLimits(max_tokens, max_sequences, max_predictions)
        return sum(kind.count for kind in _row_kinds(counts, predictions, limits))

    unlimited = max_tokens * int(predictions.max())
    enough = num_rows(max_tokens, unlimited) * _ROWS_FOR_A_LIMIT
    max_sequences = _smallest(lambda each: num_rows(each, unlimited) <= enough, 1, max_tokens)
    enough = num_rows(max_sequences, unlimited) * _ROWS_FOR_A_LIMIT
    max_predictions = _smallest(
        lambda each: num_rows(max_sequences, each) <= enough, most_alone, unlimited
    )
    return RowLimits(max_tokens, max_sequences, max_predictions)


def packed_rows(counts: np.ndarray, *, predictions: np.ndarray, limits: RowLimits) -> int:
    """Returns the rows that sequences of each length, counted in `counts`, are packed into."""
    return sum(kind.count for kind in _row_kinds(counts, predictions, limits))


def _row_kinds(counts: np.ndarray, predictions: np.ndarray, limits: RowLimits) -> list[_Kind]:
    present = np.flatnonzero(counts)
    _check(present, predictions, limits)
    rows = _OpenRows(limits)
    for length in present[::-1].tolist():
        rows.add(length, int(predictions[length]), int(counts[length]))
    return rows.all()


def _check(present: np.ndarray, predictions: np.ndarray, limits: RowLimits) -> None:
    shortest, longest = int(present.min()), int(present.max())
    alone = int(predictions[present[present <= limits.max_tokens]].max(initial=0))
    if shortest < 1 or longest > limits.max_tokens or alone > limits.max_predictions:
        raise ValueError(
            f"Expected sequences of 1 to {limits.max_tokens} tokens and at most "
            f"{limits.max_predictions} predictions, received {shortest} to {longest} tokens and "
            f"{alone} predictions. Prepare the records again."
        )


class _OpenRows:
    """Kinds of rows by the tokens that they have room for."""

    def __init__(self, limits: RowLimits):
        self._limits = limits
        self._by_room: dict[int, list[_Kind]] = {}
        self._rooms: list[int] = []  # increasing
        self._full: list[_Kind] = []

    def add(self, length: int, predictions: int, count: int) -> None:
        """Puts `count` sequences of one length into the fullest rows that have room for them."""
        while count:
            kind = self._take_fullest(length, predictions)
            each = self._copies(kind, length, predictions)
            filled = min(kind.count, count // each)
            if not filled:
                each, filled = count, 1  # the last row takes what is left
            if filled < kind.count:
                self._put(dataclasses.replace(kind, count=kind.count - filled))
            grown = (*kind.lengths, *[length] * each), kind.predictions + predictions * each
            self._put(_Kind(*grown, filled))
            count -= each * filled

    def all(self) -> list[_Kind]:
        """Returns every kind, in an order that depends on what was added alone."""
        return self._full + [kind for room in self._rooms for kind in self._by_room[room]]

    def _copies(self, kind: _Kind, length: int, predictions: int) -> int:
        """Returns how many more sequences of this length such a row has room for."""
        limits = self._limits
        return min(
            (limits.max_tokens - sum(kind.lengths)) // length,
            limits.max_sequences - len(kind.lengths),
            (limits.max_predictions - kind.predictions) // predictions,
        )

    def _take_fullest(self, length: int, predictions: int) -> _Kind:
        for room in self._rooms[bisect.bisect_left(self._rooms, length) :]:
            kinds = self._by_room[room]
            for index, kind in enumerate(kinds):
                if self._copies(kind, length, predictions):
                    del kinds[index]
                    if not kinds:
                        self._rooms.remove(room)
                    return kind
        return _Kind((), 0, _NO_BOUND)

    def _put(self, kind: _Kind) -> None:
        room = self._limits.max_tokens - sum(kind.lengths)
        if not kind.lengths:
            return  # new rows are not counted before they hold something
        if not room or len(kind.lengths) == self._limits.max_sequences:
            self._full.append(kind)
            return
        kinds = self._by_room.setdefault(room, [])
        if not kinds:
            bisect.insort(self._rooms, room)
        kinds.append(kind)


_NO_BOUND = 2**62


def _sample(counts: np.ndarray, size: int) -> np.ndarray:
    """Returns the counts of `size` evenly spaced quantiles where there are more sequences."""
    total = int(counts.sum())
    if total <= size:
        return counts
    ranks = (2 * np.arange(size, dtype=object) + 1) * total // (2 * size)
    lengths = np.searchsorted(np.cumsum(counts), ranks.astype(np.int64), side="right")
    return np.bincount(lengths, minlength=len(counts))


def _smallest(is_enough, low: int, high: int) -> int:
    """Returns a smallest number from `low` to `high` that is enough; `high` is."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle + 1, high)
    return low
