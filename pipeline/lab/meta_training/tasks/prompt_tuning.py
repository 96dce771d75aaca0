"""Prompt tuning: a frozen encoder, a few trained vectors before its tokens, a classifier.

The encoder is that of a tiny BERT which the nominal rule has trained, once, to fill masked tokens
of noisy copies. The task is to distinguish such copies from halves that do not belong together.
Both have the same tokens equally often, so only a comparison distinguishes them. The encoder makes
it; a prompt and a linear classifier have to expose it.

Source: Lester, Al-Rfou and Constant 2021 (soft prompts); Jain et al. 2023 train them, too.
Differs: a linear classifier answers instead of the language model, from the mean of the outputs at
the prompt.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from data_prep import storage
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.nominal_rule import NOMINAL_RULE
from pipeline.lab.derived_seed import derived_rng
from pipeline.lab.meta_training.inner_optimizer import InnerMnemosyne
from pipeline.lab.meta_training.inner_run import InnerRun
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks import transformer
from pipeline.lab.meta_training.tasks.masked_lm import copy_tokens, masked_lm_task, unigram_loss
from pipeline.lab.meta_training.tasks.task import Task, split

NUM_CLASSES = 2


def prompt_task(name: str, settings: TaskSettings, *, seed: int, folder: str) -> Task:
    """Returns the task to distinguish copies from pairs of unrelated halves.

    Args:
        name: of the task.
        settings: sizes, and `pretraining_steps` of the encoder.
        seed: of sequences and encoder.
        folder: keeps `encoder_NAME.npz`, so that the encoder is trained once.
    """
    tokens = copy_tokens(settings, seed)
    encoder = pretrained_encoder(name, settings, tokens, seed=seed, folder=folder)
    train, heldout = split(*copies_and_mismatches(tokens, seed))
    return Task(
        name=name,
        num_steps=settings.num_steps,
        batch_size=settings.batch_size,
        labels_per_row=1,
        knows_length=settings.knows_length,
        train=train,
        heldout=heldout,
        initial_weights=functools.partial(_initial_weights, settings),
        make_batch=lambda rows, seed: rows,
        loss=functools.partial(_loss, settings, encoder),
        plateau=unigram_loss(train[1], heldout[1], NUM_CLASSES),
    )


def copies_and_mismatches(tokens: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Gives about half of the sequences the second half of the sequence before.

    Args:
        tokens: int32 `[num_sequences, seq_len]`, noisy copies.
        seed: of the choice.

    Returns:
        Tokens of the same shape; labels int32 `[num_sequences]`, 1 for a copy.
    """
    middle = tokens.shape[1] // 2
    is_copy = derived_rng(seed, 1).random(len(tokens)) < 0.5
    mismatches = np.roll(tokens[:, middle:], 1, axis=0)
    second = np.where(is_copy[:, np.newaxis], tokens[:, middle:], mismatches)
    return np.concatenate([tokens[:, :middle], second], axis=1), is_copy.astype(np.int32)


def pretrained_encoder(
    name: str, settings: TaskSettings, tokens: np.ndarray, *, seed: int, folder: str
) -> dict[str, tf.Tensor]:
    """Returns the weights of a masked LM, from their file or by training it.

    Args:
        name: of the task.
        settings: sizes, and `pretraining_steps`.
        tokens: int32 `[num_sequences, seq_len]`, what it reads.
        seed: of initial weights and batches.
        folder: of the file.
    """
    path = os.path.join(folder, f"encoder_{name}.npz")
    if not os.path.exists(path):
        weights = _pretrain(name, settings, tokens, seed)
        with storage.open_whole(path) as file:
            np.savez(file, **weights)
    with np.load(path) as saved:
        return {key: tf.constant(saved[key]) for key in saved}


def _pretrain(
    name: str, settings: TaskSettings, tokens: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    settings = dataclasses.replace(
        settings, num_steps=settings.pretraining_steps, knows_length=True
    )
    task = masked_lm_task(name, settings, tokens)
    nominal = MetaParams.nominal()
    values = {entry: nominal.values[entry][np.newaxis] for entry in NOMINAL_RULE}
    optimizer = InnerMnemosyne(nominal, frozenset(values), **task.run_arguments)
    losses, weights = InnerRun(task, optimizer).losses_and_weights(values, seed)
    print(
        f"meta-train: {name}: the encoder ends at {float(losses[0, -1]):.3f} nats "
        f"(plateau {task.plateau:.3f})",
        file=sys.stderr,
    )
    return {key: value[0].numpy() for key, value in weights.items()}


def _initial_weights(settings: TaskSettings, rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "embeddings/prompt": transformer.normal(rng, settings.prompt_len, settings.width),
        **transformer.dense_weights(rng, "classifier", settings.width, NUM_CLASSES),
    }


def _loss(
    settings: TaskSettings,
    encoder: Mapping[str, tf.Tensor],
    weights: transformer.Weights,
    batch: tuple[tf.Tensor, tf.Tensor],
) -> tf.Tensor:
    tokens, labels = batch
    embedded = tf.gather(encoder["embeddings/token"], tokens) + encoder["embeddings/position"]
    prompt = tf.tile(weights["embeddings/prompt"][tf.newaxis], [tokens.shape[0], 1, 1])
    hidden = transformer.layer_norm(
        encoder, "embeddings_layer_norm", tf.concat([prompt, embedded], axis=1)
    )
    hidden = transformer.encode(
        encoder, hidden, num_layers=settings.num_layers, num_heads=settings.num_heads
    )
    summary = tf.reduce_mean(hidden[:, : settings.prompt_len], axis=1)
    logits = transformer.dense(weights, "classifier", summary)
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
