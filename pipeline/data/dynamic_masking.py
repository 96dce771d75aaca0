"""Masks a batch of unmasked records: what is to be predicted, and what replaces it.

Records of `prepare --masking dynamic` carry their text and where its words begin. Here 15 %
(`masked_lm_prob`) of a sequence's tokens are chosen, or a fraction that changes in the course of a
run; 80 % of these become [MASK], 10 % stay, 10 % become any entry of the vocabulary. Masks are a
function of the random numbers handed in, so the same seed always masks alike. Sequences that share
a row are masked each by itself.

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


def masked_fraction(
    step: tf.Tensor, *, initial: float, final: float, num_train_steps: int
) -> tf.Tensor:
    """Returns the fraction of the tokens to mask at a step: a straight line, float64 `[]`.

    Args:
      step: steps made before this one, int64 `[]`.
      initial: at step 0.
      final: from `num_train_steps` on.
      num_train_steps: of the whole run.

    Source: Ankner et al. 2023, "Dynamic masking rate schedules for MLM pretraining": 30 % to 15 %.
    """
    done = tf.minimum(tf.cast(step, tf.float64) / num_train_steps, 1.0)
    return initial + (final - initial) * done


def mask_batch(
    features: Mapping[str, tf.Tensor],
    draws: tf.Tensor,
    rules: MaskingRules,
    *,
    fraction: tf.Tensor | float | None = None,
    max_sequences: int = 1,
    num_predictions: int | None = None,
) -> dict[str, tf.Tensor]:
    """Chooses and replaces tokens.

    Args:
      features: int32 `input_ids`, `input_mask` and `word_starts` `[batch, seq_len]`; others
        are passed on. In `input_mask` k = 1, 2, ... marks the tokens of the k-th sequence.
      draws: int32 `[batch, 3, seq_len]`, as of `random_draws`.
      rules: see there.
      fraction: of the tokens to predict, float64 `[]`; None is `rules.masked_lm_prob`.
      max_sequences: most sequences of a row.
      num_predictions: room for predictions in a row, which its sequences must not exceed; None is
        `rules.max_predictions_per_seq`.

    Returns:
      The features of masked records: `input_ids` after replacement; int32
      `masked_lm_positions` (increasing, then 0) and `masked_lm_ids`, float32
      `masked_lm_weights` `[batch, num_predictions]`; no `word_starts`.
    """
    others = dict(features)
    input_ids, word_starts = others.pop("input_ids"), others.pop("word_starts")
    order, fate, replacement = tf.unstack(draws, axis=1)
    sequence = features["input_mask"]
    is_text = (sequence > 0) & (input_ids != rules.cls_id) & (input_ids != rules.sep_id)
    begins_word = is_text & (word_starts == 1) if rules.do_whole_word_mask else is_text
    fraction = rules.masked_lm_prob if fraction is None else fraction
    room = _num_to_predict(sequence, max_sequences, fraction, rules.max_predictions_per_seq)
    chosen = _choose_words(is_text, begins_word, order, sequence, room)
    chosen = tf.ensure_shape(chosen, input_ids.shape)
    replaced = tf.where(fate < _KEEP_BELOW, input_ids, replacement % rules.vocab_size)
    replaced = tf.where(fate < _MASK_BELOW, rules.mask_id, replaced)
    num_predictions = num_predictions or rules.max_predictions_per_seq
    positions, is_real = _first_positions(chosen, num_predictions)
    originals = tf.gather(input_ids, positions, batch_dims=1)
    return {
        "input_ids": tf.where(chosen, replaced, input_ids),
        "masked_lm_positions": positions,
        "masked_lm_ids": tf.where(is_real, originals, 0),
        "masked_lm_weights": tf.cast(is_real, tf.float32),
        **others,
    }


def _num_to_predict(
    sequence: tf.Tensor, max_sequences: int, fraction: tf.Tensor | float, most: int
) -> tf.Tensor:
    """Returns int32 `[batch, max_sequences + 1]`; sequence 0 is padding and has none."""
    ones = tf.cast(sequence > 0, tf.int32)
    lengths = _sum_at(sequence, ones, max_sequences + 1)
    # In float64, as Python computes it: 0.15 times 30 is rounded from exactly 4.5.
    wanted = tf.cast(tf.round(tf.cast(lengths, tf.float64) * fraction), tf.int32)
    return tf.where(lengths > 0, tf.clip_by_value(wanted, 1, most), 0)


def _choose_words(
    is_text: tf.Tensor,
    begins_word: tf.Tensor,
    order: tf.Tensor,
    sequence: tf.Tensor,
    room: tf.Tensor,
) -> tf.Tensor:
    """Returns bool `[batch, seq_len]`: whole words, at most `room` tokens of each sequence."""
    num_words = is_text.shape[1] + 1  # index 0 is for what stands before any word
    word = tf.cumsum(tf.cast(begins_word, tf.int32), axis=1)
    sizes = _sum_at(word, tf.cast(is_text, tf.int32), num_words)
    owners = _sum_at(word, tf.where(begins_word, sequence, 0), num_words)
    keys = tf.cast(_sum_at(word, tf.where(begins_word, order, 0), num_words), tf.int64)
    # Sequence by sequence, and in each by the random order.
    shuffled = tf.argsort(tf.cast(owners, tf.int64) * (DRAW_LIMIT + 1) + keys, axis=1)
    sizes, owners = (tf.gather(each, shuffled, batch_dims=1) for each in (sizes, owners))
    taken = _take_in_order(sizes, owners, room)
    taken = _sum_at(shuffled, tf.cast(taken, tf.int32), num_words)
    return is_text & (tf.gather(taken, word, batch_dims=1) > 0)


def _take_in_order(sizes: tf.Tensor, owners: tf.Tensor, room: tf.Tensor) -> tf.Tensor:
    """Takes words one after the other, passing over those that no longer fit.

    A round takes, in every sequence at once, all words up to the first that does not fit. That one
    never will, because room only shrinks, so the next round goes on behind it: the outcome is
    that of one word at a time in two or three rounds.

    Args:
      sizes: int32 `[batch, num_words]`, tokens of each word in the order of choice; 0 is no word.
      owners: int32 `[batch, num_words]`, increasing: the sequence that the word belongs to.
      room: int32 `[batch, max_sequences + 1]`, most tokens to take of each sequence.

    Returns:
      bool `[batch, num_words]`.
    """
    num_sequences = room.shape[1]

    def room_of(room):
        return tf.gather(room, owners, batch_dims=1)

    def fitting(taken, room):
        return (sizes > 0) & (sizes <= room_of(room)) & ~taken

    def take(taken, room):
        fits = tf.where(fitting(taken, room), sizes, 0)
        before = tf.cumsum(_sum_at(owners, fits, num_sequences), axis=1, exclusive=True)
        used = tf.cumsum(fits, axis=1) - tf.gather(before, owners, batch_dims=1)
        now = (fits > 0) & (used <= room_of(room))
        room -= _sum_at(owners, tf.where(now, sizes, 0), num_sequences)
        return taken | now, room

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
