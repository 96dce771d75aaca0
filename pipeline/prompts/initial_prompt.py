"""Where a prompt begins: common words of the task, the words of its classes, or at random.

Source: Lester, Al-Rfou and Constant 2021, section 3.2: random, sampled vocabulary, class label.
Differs: common words are those of the task's training texts, since a vocabulary file does not say
how often a piece occurs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_prep.wordpiece import WordpieceTokenizer
from pipeline.prompts.settings import CLASSES, RANDOM

_MOST_COMMON = 5_000  # of the paper
_TEXTS_COUNTED = 4_096


def initial_prompt(
    how: str,
    length: int,
    embeddings: np.ndarray,
    tokenizer: WordpieceTokenizer,
    *,
    texts: Sequence[Sequence[str]],
    class_words: Sequence[str],
    seed: int,
) -> np.ndarray:
    """Returns float32 `[length, width]`.

    Args:
      how: of `settings.PROMPT_INITS`.
      length: of the prompt.
      embeddings: `[vocab, width]`, the word embeddings of the frozen model.
      tokenizer: of the frozen model.
      texts: of the training examples, one list per segment.
      class_words: one text for each class, at least one where the prompt begins with them.
      seed: of what is drawn.
    """
    rng = np.random.default_rng([seed, length])
    if how == RANDOM:
        deviation = float(embeddings.std())
        return rng.normal(0.0, deviation, [length, embeddings.shape[1]]).astype(np.float32)
    pieces: list[int] = []
    if how == CLASSES:
        pieces = tokenizer.tokenize(list(class_words))[0].tolist()[:length]
    pieces += drawn_pieces(tokenizer, texts, length - len(pieces), rng)
    return embeddings[pieces].astype(np.float32)


def drawn_pieces(
    tokenizer: WordpieceTokenizer,
    texts: Sequence[Sequence[str]],
    number: int,
    rng: np.random.Generator,
) -> list[int]:
    """So many ids of the 5,000 most common pieces of the texts, all different if there are enough.

    Of a text without any known word, the ids are those of [UNK].
    """
    lines = [line for column in texts for line in column[:_TEXTS_COUNTED]]
    counts = np.bincount(tokenizer.tokenize(lines)[0], minlength=tokenizer.unk_id + 1)
    counts[tokenizer.unk_id] = 0
    # By count, then by id: the order of equal counts must not depend on the sort.
    common = np.lexsort([np.arange(len(counts)), -counts])[: np.count_nonzero(counts)]
    common = common[:_MOST_COMMON] if len(common) else np.array([tokenizer.unk_id])
    return rng.choice(common, number, replace=len(common) < number).tolist()
