"""A synthetic corpus, and what is counted in records made of it, for comparison of two programs.

The corpus is a function of `random.random()` alone, which every Python draws alike: documents of 1
to 40 sentences of 1 to 70 pieces, so that short documents, one-sentence chunks and sentences that
must be truncated are all there.

Records of one run are not independent of each other: a document that draws a short target length
gives many short records. So a run of the program with its own seed is one observation, a vector of
counts, and two programs are compared by Hotelling's test on the means of these vectors. What is
drawn anew for every prediction (which replacement, which place) gets a plain chi-square test.
"""

import hashlib
import itertools
import pathlib
import random

import numpy as np
import scipy.stats

RUNS = 48
SETTINGS = {
    "max_seq_length": 64,
    "max_predictions_per_seq": 10,
    "masked_lm_prob": 0.15,
    "short_seq_prob": 0.1,
    "dupe_factor": 2,
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SYLLABLES = ["".join(pair) for pair in itertools.product("bcdfghjklmnpqrstvwxz", "aeiou")]
VOCAB = [*SPECIAL, *SYLLABLES, *("##" + each for each in SYLLABLES)]
MASK = VOCAB.index("[MASK]")

LENGTH_BINS = [0, 12, 20, 28, 36, 44, 52, 60, 63, 64, 65]
SEGMENT_BINS = [0, 4, 8, 16, 24, 32, 40, 48, 56, 65]
PER_PREDICTION = ("replacement", "place", "replacement_id")


def corpus_text():
    rng = random.Random(20)

    def below(bound):
        return int(rng.random() * bound)

    def word():
        return "".join(SYLLABLES[below(len(SYLLABLES))] for _ in range(1 + below(3)))

    def sentence():
        return " ".join(word() for _ in range(1 + below(1 + below(35))))

    documents = [[sentence() for _ in range(1 + below(1 + below(40)))] for _ in range(60)]
    return "\n\n".join("\n".join(document) for document in documents) + "\n"


def sha256_of_text():
    return hashlib.sha256("\n".join([*VOCAB, corpus_text()]).encode()).hexdigest()


def histograms(records):
    """Counts what one run made.

    Args:
        records: name -> array [num_records, length], by the schema of google-research/bert.
    """
    length = records["input_mask"].sum(axis=1)
    b_length = records["segment_ids"].sum(axis=1) - 1
    a_length = length - b_length - 3
    is_real = records["masked_lm_weights"] > 0
    row, _ = np.nonzero(is_real)
    place = records["masked_lm_positions"][is_real]
    after = records["input_ids"][row, place]
    before = records["masked_lm_ids"][is_real]
    kind = np.where(after == MASK, 0, np.where(after == before, 1, 2))
    label = records["next_sentence_labels"][:, 0]
    is_full = length[row] == SETTINGS["max_seq_length"]
    return {
        "length": np.histogram(length, LENGTH_BINS)[0],
        "next_sentence": np.bincount(label, minlength=2),
        "length_if_random": np.histogram(length[label == 1], LENGTH_BINS)[0],
        "a_length": np.histogram(a_length, SEGMENT_BINS)[0],
        "b_length": np.histogram(b_length, SEGMENT_BINS)[0],
        "predictions": np.bincount(is_real.sum(axis=1), minlength=11)[1:],
        "replacement": np.bincount(kind, minlength=3),
        "place": np.bincount(place[is_full] // 6, minlength=11),
        "replacement_id": np.bincount(after[kind == 2] * 8 // len(VOCAB), minlength=8),
    }


def difference(one, other, name):
    """Returns the chance of a difference at least so large between two samples of one program.

    Args:
        one, other: [num_runs, num_bins], the counts of every run.
    """
    if name in PER_PREDICTION:
        table = np.array([one.sum(axis=0), other.sum(axis=0)])
        return scipy.stats.chi2_contingency(table[:, table.any(axis=0)]).pvalue
    return _hotelling(*_without_rare_bins(one, other))


def _without_rare_bins(one, other):
    """Joins bins that hardly a record falls into with their neighbour."""
    columns = []
    pending = np.zeros(len(one) + len(other))
    for column in np.concatenate([one, other]).T:
        pending = pending + column
        if pending.sum() >= 4 * len(pending):
            columns.append(pending)
            pending = np.zeros_like(pending)
    columns[-1] = columns[-1] + pending
    joined = np.array(columns).T
    return joined[: len(one)], joined[len(one) :]


def _hotelling(one, other):
    n, m, bins = len(one), len(other), one.shape[1]
    pooled = ((n - 1) * np.cov(one.T) + (m - 1) * np.cov(other.T)) / (n + m - 2)
    mean = one.mean(axis=0) - other.mean(axis=0)
    t2 = n * m / (n + m) * mean @ np.linalg.solve(np.atleast_2d(pooled), mean)
    f = t2 * (n + m - bins - 1) / (bins * (n + m - 2))
    return float(scipy.stats.f.sf(f, bins, n + m - bins - 1))


def schema():
    """The features of a record as google-research/bert's run_pretraining.py declares them."""
    import tensorflow as tf

    length, predictions = SETTINGS["max_seq_length"], SETTINGS["max_predictions_per_seq"]
    return {
        "input_ids": tf.io.FixedLenFeature([length], tf.int64),
        "input_mask": tf.io.FixedLenFeature([length], tf.int64),
        "segment_ids": tf.io.FixedLenFeature([length], tf.int64),
        "masked_lm_positions": tf.io.FixedLenFeature([predictions], tf.int64),
        "masked_lm_ids": tf.io.FixedLenFeature([predictions], tf.int64),
        "masked_lm_weights": tf.io.FixedLenFeature([predictions], tf.float32),
        "next_sentence_labels": tf.io.FixedLenFeature([1], tf.int64),
    }


def read(path):
    """The records of a TFRecord file: name -> array [num_records, length]."""
    import tensorflow as tf

    content = pathlib.Path(path).read_bytes()
    serialized, place = [], 0
    while place < len(content):
        begin = place + 12  # length and checksum stand before a record, a checksum behind it
        end = begin + int.from_bytes(content[place : place + 8], "little")
        serialized.append(content[begin:end])
        place = end + 4
    return {name: each.numpy() for name, each in tf.io.parse_example(serialized, schema()).items()}
