"""`model.json`: what a model is, what it reads, and where it comes from."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

from pipeline.weights.json_file import read_json
from pipeline.weights.tensors import CLASSIFIER, KINDS, OPTIONAL

_TUPLES = ("absent", "labels", "sentence_columns", "score_range")


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """What `model.json` says of a model.

    Attributes:
      kind: "encoder", "pretrainer" or "classifier".
      max_seq_length: tokens of the longest input that it is used with.
      trained_positions: rows of the position table that training reached, from row 0 on.
      origin: where the weights come from, in words.
      absent: paths of variables that the origin did not have; a model keeps its own initial values
        there. Each is one of `tensors.OPTIONAL`, such as "encoder/pooler/".
      task: name of a classifier's task.
      labels: strings of a classifier's classes, in order; empty for a regression.
      score_range: lowest and highest score of a regression, which its head gives as -1 and 1; None
        where the head gives the score itself.
      sentence_columns: names of the columns that the sentences come from, one or two.
      metrics: of the task, by name.
    """

    kind: str
    max_seq_length: int
    trained_positions: int
    origin: str = ""
    absent: tuple[str, ...] = ()
    task: str = ""
    labels: tuple[str, ...] = ()
    score_range: tuple[float, float] | None = None
    sentence_columns: tuple[str, ...] = ()
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_types()
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, received {self.kind!r}.")
        if self.kind == CLASSIFIER and len(self.labels) == 1:
            raise ValueError(f"labels must be two or more, or none, received {self.labels}.")
        if unknown := set(self.absent) - set(OPTIONAL):
            raise ValueError(
                f"absent must be of {', '.join(OPTIONAL)}, received {', '.join(map(str, unknown))}."
            )
        if min(self.max_seq_length, self.trained_positions) < 1:
            raise ValueError(
                "max_seq_length and trained_positions must be positive, received "
                f"{self.max_seq_length} and {self.trained_positions}."
            )

    def _check_types(self) -> None:
        for name in ("max_seq_length", "trained_positions"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"{name} must be a whole number, received {value!r}.")
        for name in ("absent", "labels", "sentence_columns"):
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(isinstance(each, str) for each in value):
                raise ValueError(f"{name} must be strings, received {value!r}.")
        ends = self.score_range
        if ends is not None and (
            not isinstance(ends, tuple)
            or len(ends) != 2
            or not all(isinstance(each, (int, float)) for each in ends)
            or not ends[0] < ends[1]
        ):
            raise ValueError(f"score_range must be a lower and a higher number, received {ends!r}.")

    @property
    def num_outputs(self) -> int:
        """Outputs of the classifier's head: its classes, 1 of a regression, 0 without a head."""
        return len(self.labels) or 1 if self.kind == CLASSIFIER else 0


def read_description(path: str | os.PathLike) -> ModelDescription:
    """Reads `model.json`.

    Raises:
      ValueError: it describes no model; the message names the file.
    """
    content = read_json(path)
    try:
        lists = {
            name: tuple(content[name]) for name in _TUPLES if isinstance(content.get(name), list)
        }
        return ModelDescription(**{**content, **lists})
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected a description of a model, received {error}") from error
