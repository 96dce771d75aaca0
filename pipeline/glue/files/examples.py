"""What is read of a task: its examples, its test texts, and the rows that were left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

Texts = tuple[list[str], ...]  # one list of strings per segment: one list, or two for pairs


@dataclasses.dataclass(frozen=True)
class Examples:
    """Texts and labels of one split.

    Attributes:
      texts: One list of strings per segment: one list, or two for pairs.
      labels: int32 `[num_examples]` classes, or float32 scores.
    """

    texts: Texts
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Sequence[int]) -> Examples:
        """The examples at `indices`, in that order."""
        texts = tuple([column[i] for i in indices] for column in self.texts)
        return Examples(texts=texts, labels=self.labels[np.asarray(indices, dtype=np.int64)])


@dataclasses.dataclass(frozen=True)
class Reject:
    """A row that was left out: its file and line, the reason, and its text."""

    task: str
    file: str
    line: int
    reason: str
    text: str


@dataclasses.dataclass(frozen=True)
class TaskData:
    """The splits of a task, its bad rows, and a note for readers of its score.

    Attributes:
      train: What is trained on.
      dev: What is scored.
      rejects: Rows that were left out, of test files those whose prediction is a guess.
      sha256: Of the files that the score depends on.
      note: What a reader of the score must know; empty for nothing.
      second_dev: The mismatched dev set of MNLI.
      tests: Name in a submission -> texts of that test file, one per row of the file.
      diagnostic: AX with labels, where its file is there.
    """

    train: Examples
    dev: Examples
    rejects: tuple[Reject, ...]
    sha256: str
    note: str = ""
    second_dev: Examples | None = None
    tests: Mapping[str, Texts] = dataclasses.field(default_factory=dict)
    diagnostic: Examples | None = None

    @property
    def dev_sets(self) -> tuple[Examples, ...]:
        """The one dev set, or the two of MNLI, in the order of the task's `dev_files`."""
        return (self.dev,) if self.second_dev is None else (self.dev, self.second_dev)
