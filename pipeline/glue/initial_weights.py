"""Where fine-tuning starts: a pre-trained encoder or random weights, and a new head."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from data_prep.wordpiece import WordpieceTokenizer
from models.bert_classifier import BertClassifier
from models.bert_config import BertConfig
from pipeline.glue.pretrained_run import PretrainedRun
from pipeline.run.checkpoints import load_pretrained_encoder


@dataclasses.dataclass(frozen=True)
class InitialEncoder:
    """The encoder that every task starts from, and the tokenizer of its text.

    Attributes:
      config: sizes of the encoder, with the dropout of fine-tuning.
      tokenizer: with the casing and ids of the run's records.
      weights: in the order of the encoder's variables.
      weights_hash: of `weights`, see `weights_hash`.
      step: of pre-training, at which the checkpoint was saved; None of random weights.
      is_random: whether the weights were drawn, not trained.
    """

    config: BertConfig
    tokenizer: WordpieceTokenizer
    weights: Sequence[np.ndarray]
    weights_hash: str
    step: int | None
    is_random: bool = False


def load_encoder(
    run: PretrainedRun, *, dropout: float, random_init: bool, seed: int
) -> InitialEncoder:
    """Loads the encoder of a run, or draws one of its sizes.

    Args:
      run: The run; its checkpoint is only read when `random_init` is false.
      dropout: Probability in [0, 1) of dropping a hidden unit or attention weight
        in fine-tuning.
      random_init: Whether to draw the weights instead.
      seed: Decides the drawn weights.

    Raises:
      FileNotFoundError: If the run folder has no checkpoint.
      ValueError: If a model folder has other sizes than it says.
    """
    config = dataclasses.replace(run.config, dropout=dropout, attention_dropout=dropout)
    tokenizer = WordpieceTokenizer(run.vocab_file, do_lower_case=run.do_lower_case, ids=run.ids)
    weights, step = encoder_weights(config, run.directory, random_init=random_init, seed=seed)
    return InitialEncoder(config, tokenizer, weights, weights_hash(weights), step, random_init)


def encoder_weights(
    config: BertConfig, checkpoint: str, *, random_init: bool, seed: int
) -> tuple[list[np.ndarray], int | None]:
    """The weights to start every task from, and the step of pre-training that they are of.

    Args:
      config: Sizes of the encoder.
      checkpoint: Run folder or model folder; only read when `random_init` is false.
      random_init: Whether to draw the weights instead.
      seed: Decides the drawn weights.

    Returns:
      The weights in the order of the encoder's variables, and the step; None of drawn weights and
      of a model folder.

    Raises:
      FileNotFoundError: If the run folder has no checkpoint.
    """
    model = _built_classifier(config, num_outputs=1, seed=seed)
    # The name that the load returns: a run that is still training may save a newer one meanwhile.
    name = None if random_init else load_pretrained_encoder(model.encoder, checkpoint)
    return model.encoder.get_weights(), step_of(name)


def step_of(checkpoint_name: str | None) -> int | None:
    """The step in the name of a checkpoint, 400 of ".../ckpt-400"; None if it has none."""
    _, begin, step = os.path.basename(checkpoint_name or "").rpartition("ckpt-")
    return int(step) if begin and step.isdecimal() else None


def build_classifier(
    config: BertConfig, num_outputs: int, *, weights: Sequence[np.ndarray], seed: int
) -> BertClassifier:
    """A classifier with the given encoder weights and a head drawn with `seed`."""
    model = _built_classifier(config, num_outputs=num_outputs, seed=seed)
    model.encoder.set_weights(weights)
    return model


def weights_hash(weights: Iterable[np.ndarray]) -> str:
    """The first 16 digits of the SHA-256 of the weights: equal where two runs start alike."""
    digest = hashlib.sha256()
    for array in weights:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def _built_classifier(config: BertConfig, *, num_outputs: int, seed: int) -> BertClassifier:
    keras.utils.set_random_seed(seed)
    model = BertClassifier(config, num_outputs)
    names = ("input_ids", "input_mask", "segment_ids")
    model({name: tf.ones([1, 2], dtype=tf.int32) for name in names})
    return model
