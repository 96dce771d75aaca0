"""The rules of masked LM, one dataclass for records that are masked here and for the trainer's."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class MaskingRules:
    """How to mask.

    Attributes:
        masked_lm_prob: fraction of the tokens (special ones counted) to predict, in [0, 1].
        max_predictions_per_seq: most predictions in one sequence.
        do_whole_word_mask: predict all pieces of a word or none.
        cls_id, sep_id: ids of [CLS] and [SEP], which are never predicted.
        mask_id: id of [MASK].
        vocab_size: replacement ids are drawn from [0, vocab_size).
        max_ngram: up to so many words next to each other are predicted as one; above 1 only with
            whole words, and only where `prepare` masks.
    """

    masked_lm_prob: float
    max_predictions_per_seq: int
    do_whole_word_mask: bool
    cls_id: int
    sep_id: int
    mask_id: int
    vocab_size: int
    max_ngram: int = 1
