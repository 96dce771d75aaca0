"""A block of three little documents, and settings that make records of it."""

import numpy as np

from data_prep.examples.token_blocks import TokenBlock
from data_prep.settings import PreparationSettings

SETTINGS = PreparationSettings(
    input=(),
    input_digest="",
    vocab_sha256="",
    max_seq_length=16,
    max_predictions_per_seq=3,
    dupe_factor=3,
)


def block():
    """Three documents of 6, 4 and no sentences, 1 to 5 tokens each."""
    counts = np.array([6, 4, 0])
    lengths = np.array([1, 2, 3, 4, 5, 1, 2, 3, 4, 5])
    ids = (np.arange(30) + 30).astype(np.uint16)
    ids[0] = 1  # [UNK]
    return TokenBlock([b"a" * 16, b"b" * 16, b"c" * 16], counts, lengths, ids)
