"""The Keras layers of a model that is served, with its weights."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from models import BertClassifier
from models.bert_encoder import BertEncoder
from pipeline.weights.tensors import CLASSIFIER, variables_by_path
from pipeline.weights.travelling_model import TravellingModel


def serving_network(model: TravellingModel) -> keras.Model | BertEncoder:
    """Returns the encoder, or the classifier; heads of pre-training are left out."""
    description = model.description
    is_classifier = description.kind == CLASSIFIER
    network = (
        BertClassifier(model.config, description.num_outputs)
        if is_classifier
        else BertEncoder(model.config, name="encoder")
    )
    network(
        {name: tf.ones([1, 2], tf.int32) for name in ("input_ids", "input_mask", "segment_ids")}
    )
    for path, variable in variables_by_path(network).items():
        if path in model.weights:
            variable.assign(model.weights[path])
    return network
