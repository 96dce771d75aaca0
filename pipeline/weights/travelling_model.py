"""A model on its way in or out, apart from any format: arrays, sizes, tokenizer, description."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from models import BertConfig
from pipeline.weights.model_description import ModelDescription


@dataclasses.dataclass(frozen=True)
class TravellingModel:
    """A model between two formats.

    Attributes:
      weights: float32 arrays by the path of their variable.
      config: the architecture.
      description: what the model is.
      vocabulary: the bytes of `vocab.txt`.
      do_lower_case: whether text is lower-cased and stripped of accents.
      ids: "bert" or "tf_text", see `WordpieceTokenizer`.
      notes: sentences on what a user should know of this journey.
    """

    weights: Mapping[str, np.ndarray]
    config: BertConfig
    description: ModelDescription
    vocabulary: bytes
    do_lower_case: bool
    ids: str = "bert"
    notes: tuple[str, ...] = ()
