"""Where fine-tuning starts: a pre-trained encoder or random weights, and a new head."""

import hashlib
import json
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from models.bert_classifier import BertClassifier
from models.bert_config import BertConfig
from pipeline.run.checkpoints import load_pretrained_encoder

_CONFIG_FILE = "bert_config.json"


def load_config(checkpoint: str) -> BertConfig:
    """Reads the sizes of the encoder from a run folder.

    Raises:
      FileNotFoundError: If the folder or its `bert_config.json` is missing.
    """
    path = os.path.join(checkpoint, _CONFIG_FILE)
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"--checkpoint {checkpoint}: expected a pre-training run folder, received a path "
            f"without {_CONFIG_FILE}; give the --output of `mnemosyne pretrain`"
        )
    return BertConfig.load(path)


def tokenizer_settings(checkpoint: str) -> dict:
    """How the records that the run was trained on were tokenized: `do_lower_case` and `ids`.

    A folder without `run.json` (only sizes and vocabulary, for random weights)
    counts as lower-cased with BERT's own ids.
    """
    path = os.path.join(checkpoint, "run.json")
    settings = {}
    if os.path.isfile(path):
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)["data_manifest"]["settings"]
    return {
        "do_lower_case": settings.get("do_lower_case", True),
        "ids": settings.get("ids", "bert"),
    }


def encoder_weights(
    config: BertConfig, checkpoint: str, *, random_init: bool, seed: int
) -> list[np.ndarray]:
    """The weights to start every task from, in the order of the encoder's variables.

    Args:
      config: Sizes of the encoder.
      checkpoint: Run folder; only read when `random_init` is false.
      random_init: Whether to draw the weights instead.
      seed: Decides the drawn weights.

    Raises:
      FileNotFoundError: If the run folder has no checkpoint.
    """
    model = _built_classifier(config, num_outputs=1, seed=seed)
    if not random_init:
        load_pretrained_encoder(model.encoder, checkpoint)
    return model.encoder.get_weights()


def build_classifier(
    config: BertConfig, num_outputs: int, *, weights: Sequence[np.ndarray], seed: int
) -> BertClassifier:
    """A classifier with the given encoder weights and a head drawn with `seed`."""
    model = _built_classifier(config, num_outputs=num_outputs, seed=seed)
    model.encoder.set_weights(weights)
    return model


def weights_hash(weights: Sequence[np.ndarray]) -> str:
    """Tells whether two runs started from the same encoder: 16 digits of a SHA-256."""
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
