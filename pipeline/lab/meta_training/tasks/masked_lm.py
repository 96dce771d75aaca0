"""Masked-LM tasks: tiny BERTs on records, and on sequences that hold a noisy copy of themselves.

Both have the plateau that makes BERTs slow to train: long before attention forms, the model knows
only how frequent each token is. A tiny model leaves it after some hundred steps on copies, after
many more on text with thousands of tokens.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks import transformer
from pipeline.lab.meta_training.tasks.task import Task, random_integers, split
from pipeline.lab.races.tasks.masked_lm_records import num_predictions

COPY_NOISE = 0.15
COPY_ROWS = 20_000


def masked_lm_task(name: str, settings: TaskSettings, tokens: np.ndarray) -> Task:
    """Returns the task to predict tokens that are masked anew in every batch.

    Args:
        name: of the task.
        settings: sizes; `vocab_size` counts the mask, which is the last token.
        tokens: int32 `[num_sequences, seq_len]`, all below `vocab_size - 1`.
    """
    train, heldout = split(tokens)
    return Task(
        name=name,
        num_steps=settings.num_steps,
        batch_size=settings.batch_size,
        labels_per_row=num_predictions(tokens.shape[1]),
        knows_length=settings.knows_length,
        train=train,
        heldout=heldout,
        initial_weights=functools.partial(_initial_weights, settings),
        make_batch=functools.partial(mask_tokens, mask=settings.vocab_size - 1),
        loss=functools.partial(_loss, settings),
        plateau=unigram_loss(train[0], heldout[0], settings.vocab_size),
    )


def records_task(name: str, settings: TaskSettings, rows: tuple[np.ndarray, ...]) -> Task:
    """Returns the task to predict the words that records mask, as a BERT is pre-trained.

    Args:
        name: of the task.
        settings: sizes.
        rows: tokens and their mask, int32 `[num_records, seq_len]`; positions and original tokens
            of the masked ones, `[num_records, num_predictions]`.
    """
    train, heldout = split(*rows)
    return Task(
        name=name,
        num_steps=settings.num_steps,
        batch_size=settings.batch_size,
        labels_per_row=num_predictions(settings.seq_len),
        knows_length=settings.knows_length,
        train=train,
        heldout=heldout,
        initial_weights=functools.partial(_initial_weights, settings),
        make_batch=lambda rows, seed: rows,
        loss=functools.partial(_loss, settings),
        plateau=unigram_loss(train[-1], heldout[-1], settings.vocab_size),
    )


def copy_tokens(settings: TaskSettings, seed: int) -> np.ndarray:
    """Sequences whose second half is the first with 15 % of its tokens drawn anew.

    Tokens follow Zipf's law: the k-th is drawn with a probability proportional to 1 / k.

    Returns:
        int32 `[COPY_ROWS, seq_len]`.
    """
    rng = np.random.default_rng(seed)
    frequencies = zipf(settings.vocab_size - 1)
    shape = (COPY_ROWS, settings.seq_len // 2)
    first, drawn_anew = (rng.choice(len(frequencies), size=shape, p=frequencies) for _ in range(2))
    second = np.where(rng.random(shape) < COPY_NOISE, drawn_anew, first)
    return np.concatenate([first, second], axis=1).astype(np.int32)


def zipf(count: int) -> np.ndarray:
    """Probabilities of `count` tokens."""
    weights = 1.0 / np.arange(1, count + 1)
    return weights / weights.sum()


def unigram_loss(train: np.ndarray, heldout: np.ndarray, vocab_size: int) -> float:
    """Nats a held-out token, coded by the frequencies of the training tokens."""
    counts = np.bincount(train.ravel(), minlength=vocab_size) + 1.0
    return float(-np.log(counts / counts.sum())[heldout].mean())


def mask_tokens(
    rows: tuple[tf.Tensor], seed: tf.Tensor, *, mask: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Masks 15 % of every sequence, rounded.

    Differs from BERT: every chosen token becomes the mask.

    Returns:
        Tokens and ones `[batch, seq_len]`, as none is padding; positions and original tokens of
        the masked ones, `[batch, num_predictions]`.
    """
    (tokens,) = rows
    count = num_predictions(tokens.shape[1])
    positions = tf.math.top_k(random_integers(tokens.shape, seed), count).indices
    chosen = tf.reduce_any(tf.one_hot(positions, tokens.shape[1], True, False, dtype=tf.bool), 1)
    labels = tf.gather(tokens, positions, batch_dims=1)
    return tf.where(chosen, mask, tokens), tf.ones_like(tokens), positions, labels


def _initial_weights(settings: TaskSettings, rng: np.random.Generator) -> dict[str, np.ndarray]:
    width = settings.width
    return {
        "embeddings/token": transformer.normal(rng, settings.vocab_size, width),
        "embeddings/position": transformer.normal(rng, settings.seq_len, width),
        **transformer.norm_weights("embeddings_layer_norm", width),
        **transformer.encoder_weights(rng, width, settings.num_layers),
        **transformer.dense_weights(rng, "transform", width, width),
        **transformer.norm_weights("transform_layer_norm", width),
        "output_bias": np.zeros(settings.vocab_size, np.float32),
    }


def _loss(settings: TaskSettings, weights: transformer.Weights, batch) -> tf.Tensor:
    tokens, token_mask, positions, labels = batch
    table = weights["embeddings/token"]
    hidden = tf.gather(table, tokens) + weights["embeddings/position"]
    hidden = transformer.layer_norm(weights, "embeddings_layer_norm", hidden)
    hidden = transformer.encode(
        weights,
        hidden,
        num_layers=settings.num_layers,
        num_heads=settings.num_heads,
        token_mask=token_mask,
    )
    chosen = tf.reshape(tf.gather(hidden, positions, batch_dims=1), [-1, settings.width])
    transformed = transformer.gelu(transformer.dense(weights, "transform", chosen))
    transformed = transformer.layer_norm(weights, "transform_layer_norm", transformed)
    logits = tf.matmul(transformed, table, transpose_b=True) + weights["output_bias"]
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.reshape(labels, [-1]), logits)
    return tf.reduce_mean(losses)
