"""A fine-tuned model with random weights."""

import pytest
import tensorflow as tf

from models.bert_classifier import BertClassifier
from pipeline import load_pretrained
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import save_model_folder


@pytest.fixture
def fine_tuned(pretrained_run, tmp_path_factory):
    """Returns `make(*columns)`: the folder of a classifier of these columns, labels yes and no."""
    folders = {}

    def make(*columns):
        if columns not in folders:
            folders[columns] = tmp_path_factory.mktemp("fine_tuned")
            model = BertClassifier(load_pretrained(pretrained_run).encoder.config, 2)
            names = ("input_ids", "input_mask", "segment_ids")
            model({name: tf.ones([1, 2], tf.int32) for name in names})
            description = ModelDescription(
                kind="classifier",
                max_seq_length=8,
                trained_positions=8,
                task="T",
                labels=("no", "yes"),
                sentence_columns=columns,
            )
            vocab_file = str(pretrained_run / "vocab.txt")
            save_model_folder(
                folders[columns], model, description, vocab_file=vocab_file, do_lower_case=True
            )
        return folders[columns]

    return make
