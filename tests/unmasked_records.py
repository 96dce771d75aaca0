"""Random records of `prepare --masking dynamic`, and their masks by the rules of tests."""

import dataclasses

import numpy as np
import tensorflow as tf

from data_prep.settings import MaskingRules
from pipeline.data import dynamic_masking

PAD, CLS, SEP, MASK = 0, 2, 3, 4
RULES = MaskingRules(
    masked_lm_prob=0.15,
    max_predictions_per_seq=10,
    do_whole_word_mask=True,
    cls_id=CLS,
    sep_id=SEP,
    mask_id=MASK,
    vocab_size=1_000,
)
PIECES = dataclasses.replace(RULES, do_whole_word_mask=False)


def unmasked(num_rows, seq_len=64, seed=0):
    """Pairs of random words of one to five pieces: [CLS] A [SEP] B [SEP] [PAD]..."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(5, 1_000, (num_rows, seq_len)).astype(np.int32)
    starts = (rng.random((num_rows, seq_len)) < 0.7).astype(np.int32)
    lengths = rng.integers(5, seq_len + 1, num_rows)
    for row, length in enumerate(lengths):
        middle = rng.integers(2, length - 2)
        ids[row, [0, middle, length - 1]] = CLS, SEP, SEP
        starts[row, [1, middle + 1]] = 1
        starts[row, [0, middle, length - 1]] = 0
        ids[row, length:] = starts[row, length:] = 0
    real = (np.arange(seq_len) < lengths[:, None]).astype(np.int32)
    return {"input_ids": ids, "input_mask": real, "word_starts": starts, "segment_ids": real}


def masked(features, rules, seed=(0, 0)):
    """Returns the batch of masked `features`, in NumPy, and the random numbers used."""
    num_rows, seq_len = features["input_ids"].shape
    draws = dynamic_masking.random_draws(seed, num_rows=num_rows, seq_len=seq_len)
    features = {name: tf.constant(value) for name, value in features.items()}
    batch = dynamic_masking.mask_batch(features, draws, rules)
    return {name: value.numpy() for name, value in batch.items()}, draws.numpy()
