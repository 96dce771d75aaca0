"""Checkpoints of TensorFlow Model Garden hold the encoder that Google's hold."""

import numpy as np
import pytest
import tensorflow as tf
from google_checkpoints import LAYER, SHAPES, random_values, save_as_tf1, write_folder

from pipeline.weights.import_model import import_model
from pipeline.weights.model_folder import read_model_folder


@pytest.fixture(name="folder")
def fixture_folder(tmp_path, hugging_face):
    """A folder with configuration and vocabulary, without a checkpoint."""
    return write_folder(tmp_path / "uncased_L-1", hugging_face.VOCABULARY)


def garden_values(values):
    """The tensors of Google's names as Model Garden's converter names and shapes them."""
    layer = "transformer/layer_0/"
    renamed = {
        "word_embeddings/embeddings": values["bert/embeddings/word_embeddings"],
        "type_embeddings/embeddings": values["bert/embeddings/token_type_embeddings"],
        "position_embedding/embeddings": values["bert/embeddings/position_embeddings"],
        "embeddings/layer_norm/gamma": values["bert/embeddings/LayerNorm/gamma"],
        "embeddings/layer_norm/beta": values["bert/embeddings/LayerNorm/beta"],
        "pooler_transform/kernel": values["bert/pooler/dense/kernel"],
        "pooler_transform/bias": values["bert/pooler/dense/bias"],
    }
    attention = f"{LAYER}attention/self/"
    for name in ("query", "key", "value"):
        kernel = values[f"{attention}{name}/kernel"].reshape(8, 2, 4)
        renamed[f"{layer}self_attention/{name}/kernel"] = kernel
        bias = values[f"{attention}{name}/bias"].reshape(2, 4)
        renamed[f"{layer}self_attention/{name}/bias"] = bias
    output, joined = f"{LAYER}attention/output/dense/", f"{layer}self_attention/attention_output/"
    renamed[f"{joined}kernel"] = values[f"{output}kernel"].reshape(2, 4, 8)
    renamed[f"{joined}bias"] = values[f"{output}bias"]
    for ours, theirs in (
        ("attention/output/LayerNorm/", "self_attention_layer_norm/"),
        ("output/LayerNorm/", "output_layer_norm/"),
    ):
        for part in ("gamma", "beta"):
            renamed[f"{layer}{theirs}{part}"] = values[f"{LAYER}{ours}{part}"]
    for name in ("intermediate", "output"):
        for part in ("kernel", "bias"):
            renamed[f"{layer}{name}/{part}"] = values[f"{LAYER}{name}/dense/{part}"]
    return renamed


@pytest.mark.parametrize("is_object_based", [False, True])
def test_model_gardens_encoder_is_that_of_google(folder, tmp_path, is_object_based):
    values = random_values(SHAPES)
    save_as_tf1(folder / "bert_model.ckpt", values)
    import_model(folder, tmp_path / "google")
    for file in folder.glob("bert_model.ckpt*"):
        file.unlink()
    garden = garden_values(values)
    if is_object_based:
        # The variable's name below the model's; the objects have names of their own.
        named = [tf.Variable(value, name=f"bert_encoder/{name}") for name, value in garden.items()]
        step = tf.Variable(3.0, name="learning_rate")
        tf.train.Checkpoint(encoder=tf.train.Checkpoint(layers=named), step=step).write(
            str(folder / "bert_model.ckpt")
        )
    else:
        save_as_tf1(folder / "bert_model.ckpt", garden)
    model = import_model(folder, tmp_path / "garden")
    assert model.description.origin == "TensorFlow Model Garden uncased_L-1"
    found, expected = (
        {
            path: tensor.read()
            for path, tensor in read_model_folder(tmp_path / name).tensors.items()
            if path.startswith("encoder/")
        }
        for name in ("garden", "google")
    )
    np.testing.assert_equal(found, expected)
