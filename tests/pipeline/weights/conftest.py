"""Shared by the tests of weights: small models of every kind, and where they are saved."""

import importlib.util
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from models import BertClassifier, BertConfig, BertPretrainer
from pipeline.weights.import_model import import_model
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import read_model_folder, save_weights
from pipeline.weights.tensors import tensor_shapes, variables_by_path

WORDS = ["the", "cat", "sat", "on", "mat", "##s", "un", "##able", "dog", "run"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
CONFIG = BertConfig(
    vocab_size=len(VOCABULARY),
    hidden_dim=8,
    num_layers=2,
    num_heads=2,
    intermediate_dim=16,
    max_position_embeddings=12,
    hidden_act="gelu",
)


@pytest.fixture
def vocab_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(VOCABULARY) + "\n")
    return str(path)


@pytest.fixture
def config():
    return CONFIG


@pytest.fixture
def describe():
    """Returns `make(kind, **changes)`: what `model.json` says."""

    def make(kind, **changes):
        task = {"task": "moods", "labels": ("sad", "glad", "mad"), "sentence_columns": ("text",)}
        rest = task if kind == "classifier" else {}
        settings = {"max_seq_length": 10, "trained_positions": 12, **rest, **changes}
        return ModelDescription(kind=kind, **settings)

    return make


@pytest.fixture
def random_weights():
    """Returns `make(kind, num_outputs=3, config=CONFIG)`: float32 arrays by path."""

    def make(kind, num_outputs=3, config=CONFIG):
        rng = np.random.default_rng(7)
        shapes = tensor_shapes(config, kind, num_outputs)
        return {path: rng.normal(size=shape).astype(np.float32) for path, shape in shapes}

    return make


@pytest.fixture
def saved(tmp_path, vocab_file, describe, random_weights):
    """Returns `make(kind, config=CONFIG, **changes)`: a model folder with random weights."""

    def make(kind, config=CONFIG, **changes):
        description = describe(kind, **changes)
        folder = tmp_path / f"saved_{kind}"
        weights = random_weights(kind, description.num_outputs, config)
        weights = {k: v for k, v in weights.items() if not k.startswith(description.absent)}
        save_weights(
            *(folder, weights, config, description), vocab_file=vocab_file, do_lower_case=True
        )
        return folder

    return make


@pytest.fixture
def built():
    """Returns `make(kind, num_outputs=3)`: a Keras model with variables."""

    def make(kind, num_outputs=3):
        model = BertClassifier(CONFIG, num_outputs) if kind == "classifier" else None
        model = model or BertPretrainer(CONFIG)
        names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
        model(dict.fromkeys(names, tf.ones([1, 2], tf.int32)))
        return model.encoder if kind == "encoder" else model

    return make


@pytest.fixture
def values_of():
    """Returns `read(model)`: arrays by path."""
    return lambda model: {path: each.numpy() for path, each in variables_by_path(model).items()}


@pytest.fixture(scope="session")
def hugging_face():
    """The module `huggingface_folder` next to this file, which no package holds."""
    return _module(pathlib.Path(__file__).with_name("huggingface_folder.py"))


@pytest.fixture(scope="session")
def bert_numpy():
    """The module tests/models/bert_numpy.py."""
    return _module(pathlib.Path(__file__).parents[2] / "models" / "bert_numpy.py")


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="imported")
def fixture_imported(tmp_path, hugging_face):
    """Returns `make(architecture, tensors, **settings)`: the model folder of such a folder."""

    def make(architecture, tensors=None, **settings):
        hugging_face.write_folder(tmp_path / "theirs", architecture, tensors, **settings)
        import_model(tmp_path / "theirs", tmp_path / "ours")
        return read_model_folder(tmp_path / "ours")

    return make
