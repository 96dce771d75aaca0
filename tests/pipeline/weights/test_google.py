"""Checkpoints that tf.compat.v1 writes come in and go out, bit for bit."""

import numpy as np
import pytest
import tensorflow as tf
from google_checkpoints import (
    CLASSIFIER,
    LAYER,
    SHAPES,
    STATE,
    random_values,
    save_as_tf1,
    write_folder,
)

from pipeline.weights.export.export_model import export_model
from pipeline.weights.import_model import import_model
from pipeline.weights.model_folder import read_model_folder


@pytest.fixture(name="folder")
def fixture_folder(tmp_path, hugging_face):
    """A folder with configuration and vocabulary, without a checkpoint."""
    return write_folder(tmp_path / "uncased_L-1", hugging_face.VOCABULARY)


@pytest.mark.parametrize(("shapes", "kind"), [(SHAPES, "pretrainer"), (CLASSIFIER, "classifier")])
def test_what_is_imported_and_exported_is_the_same_checkpoint(folder, tmp_path, shapes, kind):
    values = random_values(shapes)
    save_as_tf1(folder / "bert_model.ckpt", {**values, **random_values(STATE)})
    import_model(folder, tmp_path / "ours")
    ours = read_model_folder(tmp_path / "ours")
    assert (ours.description.kind, ours.config.gelu_form) == (kind, "tanh")
    assert ours.description.origin == "google-research/bert uncased_L-1"
    export_model(tmp_path / "ours", tmp_path / "back", "google")
    assert read_by_tf1(tmp_path / "back" / "bert_model.ckpt", shapes) == {
        name: array.tolist() for name, array in values.items()
    }


def read_by_tf1(prefix, shapes):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [tf.compat.v1.get_variable(name, shape) for name, shape in shapes.items()]
        tf.compat.v1.train.Saver(variables).restore(session, str(prefix))
        return {each.op.name: session.run(each).tolist() for each in variables}


def test_the_next_sentence_kernel_alone_is_turned_round(folder, tmp_path):
    values = random_values(SHAPES)
    save_as_tf1(folder / "bert_model.ckpt", values)
    import_model(folder, tmp_path / "ours")
    tensors = read_model_folder(tmp_path / "ours").tensors
    np.testing.assert_array_equal(
        tensors["next_sentence_head/kernel"].read(), values["cls/seq_relationship/output_weights"].T
    )
    np.testing.assert_array_equal(
        tensors["encoder/layer_0/output/kernel"].read(), values[f"{LAYER}output/dense/kernel"]
    )


def test_the_exact_gelu_and_another_epsilon_come_back_from_googles_files(saved, tmp_path, config):
    import dataclasses

    other = dataclasses.replace(config, layer_norm_epsilon=1e-5)
    export_model(saved("pretrainer", config=other), tmp_path / "google", "google")
    assert "GELU is the exact one" in (tmp_path / "google" / "README.md").read_text()
    import_model(tmp_path / "google", tmp_path / "ours")
    assert read_model_folder(tmp_path / "ours").config == other
