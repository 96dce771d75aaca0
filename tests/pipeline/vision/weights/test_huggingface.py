import json

import numpy as np
import pytest
import tensorflow as tf
import vit_numpy
from numeric_bounds import float32_error
from safetensors.numpy import save_file

from models.vit import ViTClassifier
from pipeline.vision.weights.read import read_weights
from pipeline.vision.weights.vision_weights import HALF, IMAGENET, Normalisation


@pytest.mark.parametrize("kind", ["vit", "dinov2"])
@pytest.mark.parametrize("prefix", [None, ""])
def test_every_tensor_finds_its_variable(tmp_path, foreign, kind, prefix):
    model = foreign(kind)
    weights = read_weights(model.save(tmp_path / "hf", prefix))
    assert weights.config == model.config
    assert set(weights.tensors) == set(model.ours)
    for path, expected in model.ours.items():
        np.testing.assert_array_equal(weights.tensors[path].read(), expected)


@pytest.mark.parametrize("kind", ["vit", "dinov2"])
def test_a_loaded_model_computes_what_its_weights_say(tmp_path, foreign, kind):
    source = foreign(kind, num_classes=3)
    weights = read_weights(source.save(tmp_path / "hf"))
    model = ViTClassifier(weights.config, 3)
    image = np.random.default_rng(1).normal(size=(6, 6, 3)).astype(np.float32)
    model(image[None])
    weights.load_into(model, with_head=True)
    names = list(source.ours)

    def logits(*arrays):
        return vit_numpy.logits(
            image.astype(float), dict(zip(names, arrays, strict=True)), source.config
        )

    # Roundings of the longest step: a norm of width 8, see tests/models/test_bert_pretrainer.py.
    error = float32_error(logits, *source.ours.values(), operations=24)
    np.testing.assert_allclose(
        model(image[None])[0], logits(*source.ours.values()), rtol=0, atol=error
    )


def test_a_new_head_stays_new(tmp_path, foreign):
    weights = read_weights(foreign("vit", num_classes=3).save(tmp_path / "hf"))
    model = ViTClassifier(weights.config, 5)
    model(tf.zeros([1, 6, 6, 3]))
    weights.load_into(model)
    np.testing.assert_array_equal(model.head.kernel, np.zeros((8, 5)))
    assert weights.notes == ("its head of 3 classes is left out",)


def test_normalisation_is_that_of_the_folder_or_of_its_kind(tmp_path, foreign):
    folder = foreign("dinov2").save(tmp_path / "hf")
    assert read_weights(folder).normalisation == IMAGENET
    assert read_weights(foreign("vit").save(tmp_path / "vit")).normalisation == HALF
    own = {"image_mean": [0.1, 0.2, 0.3], "image_std": [1, 2, 3]}
    (folder / "preprocessor_config.json").write_text(json.dumps(own))
    assert read_weights(folder).normalisation == Normalisation((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"model_type": "swin"}, "expected model_type vit or dinov2, received 'swin'"),
        ({"hidden_size": "8"}, "expected a whole number as hidden_size, received '8'"),
        ({"use_swiglu_ffn": True}, "expected use_swiglu_ffn False"),
        ({"num_attention_heads": 3}, "hidden_dim must be a multiple of num_heads"),
        ({"image_size": 8}, r"position_embeddings: expected shape \[1, 17, 8\]"),
        ({"num_hidden_layers": 3}, "expected tensor encoder.layer.2.layernorm_before.weight"),
        ({"num_hidden_layers": 1}, "received also encoder.layer.1"),
        ({"num_hidden_layers": 10**12}, "expected tensor encoder.layer.2"),
    ],
)
def test_another_architecture_is_refused(tmp_path, foreign, settings, named):
    folder = foreign("vit").save(tmp_path / "hf", **settings)
    with pytest.raises(ValueError, match=named):
        read_weights(folder)


def test_a_file_that_was_cut_short_is_refused(tmp_path, foreign):
    folder = foreign("vit").save(tmp_path / "hf")
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-1])
    with pytest.raises(ValueError, match="cut short"):
        read_weights(folder)


def test_values_that_are_not_finite_are_refused(tmp_path, foreign):
    model = foreign("vit")
    model.tensors["layernorm.bias"][0] = np.nan
    weights = read_weights(model.save(tmp_path / "hf"))
    with pytest.raises(ValueError, match="layernorm.bias: expected finite numbers"):
        weights.tensors["encoder/layer_norm/beta"].read()


def test_what_is_no_model_says_what_is_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected an .onnx file"):
        read_weights(tmp_path / "nothing")
    with pytest.raises(ValueError, match="received an empty folder"):
        read_weights(tmp_path)
    save_file({"a": np.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="a file with another ending"):
        read_weights(tmp_path / "other.safetensors")
