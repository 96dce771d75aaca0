"""Masks a batch of unmasked records: what is to be predicted, and what replaces it.

Records of `prepare --masking dynamic` carry their text and where its words begin. Here 15 %
(`masked_lm_prob`) of a record's tokens are chosen; 80 % of these become [MASK], 10 % stay, 10 %
become any entry of the vocabulary. Masks are a function of the random numbers handed in, so the
same seed always masks alike.

Source: Devlin et al. 2019, section 3.1, task 1; google-research/bert,
create_pretraining_data.py, `create_masked_lm_predictions`. Dynamic masking: Liu et al. 2019
(RoBERTa), section 4.1.
Differs: a piece that opens a segment (cut by truncation) begins a word of its own, as in our
masked records; n-grams are not made.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from data_prep.settings import MaskingRules

DRAW_LIMIT = 2**31 - 1
_MASK_BELOW = int(0.8 * DRAW_LIMIT)
_KEEP_BELOW = int(0.9 * DRAW_LIMIT)
# Keeps the masks of a step apart from its dropout, which begins with the same seed.
_STREAM = 0x6D61736B


def random_draws(seed: tf.Tensor, *, num_rows: int, seq_len: int) -> tf.Tensor:
    """Returns int32 `[num_rows, 3, seq_len]` in [0, DRAW_LIMIT), a function of the integers `[2]`.

    For every position: its rank in the order of choice, its fate, its random replacement.
    """
    return tf.random.stateless_uniform(
        [num_rows, 3, seq_len],
        tf.random.experimental.stateless_fold_in(seed, _STREAM),
        minval=0,
        maxval=DRAW_LIMIT,
        dtype=tf.int32,
        alg="philox",
    )


def mask_batch(
    features: Mapping[str, tf.Tensor], draws: tf.Tensor, rules: MaskingRules
) -> dict[str, tf.Tensor]:
    """Chooses and replaces tokens.

    Args:
      features: int32 `input_ids`, `input_mask` and `word_starts` `[batch, seq_len]`; others
        are passed on.
      draws: int32 `[batch, 3, seq_len]`, as of `random_draws`.
      rules: see there.

    Returns:
      The features of masked records: `input_ids` after replacement; int32
      `masked_lm_positions` (increasing, then 0) and `masked_lm_ids`, float32
      `masked_lm_weights` `[batch, num_predictions]`; no `word_starts`.
    """
    others = dict(features)
    input_ids, word_starts = others.pop("input_ids"), others.pop("word_starts")
    order, fate, replacement = tf.unstack(draws, axis=1)
    is_text = (
        (features["input_mask"] == 1) & (input_ids != rules.cls_id) & (input_ids != rules.sep_id)
    )
    begins_word = is_text & (word_starts == 1) if rules.do_whole_word_mask else is_text
    chosen = _choose_words(
        is_text, begins_word, order, _num_to_predict(features["input_mask"], rules)
    )
    chosen = tf.ensure_shape(chosen, input_ids.shape)
    replaced = tf.where(fate < _KEEP_BELOW, input_ids, replacement % rules.vocab_size)
    replaced = tf.where(fate < _MASK_BELOW, rules.mask_id, replaced)
    positions, is_real = _first_positions(chosen, rules.max_predictions_per_seq)
    originals = tf.gather(input_ids, positions, batch_dims=1)
    return {
        "input_ids": tf.where(chosen, replaced, input_ids),
        "masked_lm_positions": positions,
        "masked_lm_ids": tf.where(is_real, originals, 0),
        "masked_lm_weights": tf.cast(is_real, tf.float32),
        **others,
    }


def _num_to_predict(input_mask: tf.Tensor, rules: MaskingRules) -> tf.Tensor:
    # In float64, as Python computes it: 0.15 times 30 is rounded from exactly 4.5.
    lengths = tf.cast(tf.reduce_sum(input_mask, axis=1), tf.float64)
    wanted = tf.cast(tf.round(lengths * rules.masked_lm_prob), tf.int32)
    return tf.clip_by_value(wanted, 1, rules.max_predictions_per_seq)


def _choose_words(
    is_text: tf.Tensor, begins_word: tf.Tensor, order: tf.Tensor, room: tf.Tensor
) -> tf.Tensor:
    """Returns bool `[batch, seq_len]`: whole words, at most `room` `[batch]` tokens of a row."""
    num_words = is_text.shape[1] + 1  # index 0 is for what stands before any word
    word = tf.cumsum(tf.cast(begins_word, tf.int32), axis=1)
    sizes = _sum_at(word, tf.cast(is_text, tf.int32), num_words)
    keys = _sum_at(word, tf.where(begins_word, order, 0), num_words)
    shuffled = tf.argsort(keys, axis=1)
    taken = _take_in_order(tf.gather(sizes, shuffled, batch_dims=1), room)
    taken = _sum_at(shuffled, tf.cast(taken, tf.int32), num_words)
    return is_text & (tf.gather(taken, word, batch_dims=1) > 0)


def _take_in_order(sizes: tf.Tensor, room: tf.Tensor) -> tf.Tensor:
    """Takes words one after the other, passing over those that no longer fit.

    A round takes, in every row at once, all words up to the first that does not fit. That one
    never will, because room only shrinks, so the next round goes on behind it: the outcome is
    that of one word at a time in two or three rounds.

    Args:
      sizes: int32 `[batch, num_words]`, tokens of each word in the order of choice; 0 is no word.
      room: int32 `[batch]`, most tokens to take.

    Returns:
      bool `[batch, num_words]`.
    """

    def fitting(taken, room):
        return (sizes > 0) & (sizes <= room[:, tf.newaxis]) & ~taken

    def take(taken, room):
        fits = fitting(taken, room)
        used = tf.cumsum(tf.where(fits, sizes, 0), axis=1)
        now = fits & (used <= room[:, tf.newaxis])
        return taken | now, room - tf.reduce_sum(tf.where(now, sizes, 0), axis=1)

    taken, _ = tf.while_loop(
        lambda taken, room: tf.reduce_any(fitting(taken, room)),
        take,
        [tf.zeros_like(sizes, tf.bool), room],
    )
    return taken


def _sum_at(indices: tf.Tensor, values: tf.Tensor, width: int) -> tf.Tensor:
    """Adds up, row by row, the values of each index: `[batch, n]` to `[batch, width]`."""
    num_rows = tf.shape(values)[0]
    flat = indices + width * tf.range(num_rows)[:, tf.newaxis]
    sums = tf.math.unsorted_segment_sum(values, flat, num_rows * width)
    return tf.reshape(sums, [num_rows, width])


def _first_positions(chosen: tf.Tensor, count: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the positions of True, increasing, then 0; and which are real; `[batch, count]`."""
    seq_len = chosen.shape[1]
    ranks = tf.where(chosen, seq_len - tf.range(seq_len), 0)
    ranks = tf.math.top_k(ranks, min(count, seq_len)).values
    ranks = tf.pad(ranks, [[0, 0], [0, max(0, count - seq_len)]])
    return tf.where(ranks > 0, seq_len - ranks, 0), ranks > 0
