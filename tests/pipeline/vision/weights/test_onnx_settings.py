"""What the tensors of an ONNX file do not say."""

import json
import types

import pytest

from pipeline.vision.weights.onnx_settings import find_settings
from pipeline.vision.weights.vision_weights import HALF, IMAGENET, Normalisation


def norm(name="backbone.encoder.layer.0.norm1.weight", **attributes):
    """A node of a graph."""
    values = [types.SimpleNamespace(name=name, f=value) for name, value in attributes.items()]
    return types.SimpleNamespace(
        op_type="LayerNormalization", input=["x", name, "bias"], attribute=values
    )


def found(path, *nodes, kind="dinov2", width=384):
    graph = types.SimpleNamespace(node=nodes)
    return find_settings(str(path), graph, kind=kind, width=width, prefix="backbone.")


def write(folder, **settings):
    content = {"model_type": "dinov2", "hidden_size": 384, "num_attention_heads": 12, **settings}
    (folder / "config.json").write_text(json.dumps(content))


@pytest.fixture
def path(tmp_path):
    (tmp_path / "onnx").mkdir()
    return tmp_path / "onnx" / "model.onnx"


# Dosovitskiy et al. 2021, table 1: of ViT-H/14 a head is 80 wide.
@pytest.mark.parametrize(
    ("width", "heads"), [(192, 3), (384, 6), (768, 12), (1024, 16), (1280, 16)]
)
def test_published_widths_have_their_heads(path, width, heads):
    assert found(path, width=width).num_heads == heads


def test_other_widths_need_a_file_that_says_their_heads(path):
    with pytest.raises(ValueError, match="received a width of 512 and None heads. Copy the model"):
        found(path, width=512)
    write(path.parent, hidden_size=512, num_attention_heads=4)
    assert found(path, width=512).num_heads == 4


@pytest.mark.parametrize("above", ["onnx", "."])
def test_settings_lie_beside_the_file_or_one_folder_above(path, tmp_path, above):
    write(tmp_path / above, hidden_act="gelu_new", layer_norm_eps=1e-3)
    settings = {"image_mean": [0.1, 0.2, 0.3], "image_std": 2}
    (tmp_path / above / "preprocessor_config.json").write_text(json.dumps(settings))
    one = found(path)
    assert (one.num_heads, one.hidden_act, one.layer_norm_epsilon) == (12, "gelu_new", 1e-3)
    assert one.normalisation == Normalisation((0.1, 0.2, 0.3), (2.0, 2.0, 2.0))


@pytest.mark.parametrize("other", [{"model_type": "swin"}, {"hidden_size": 768}])
def test_settings_of_another_model_do_not_count(path, other):
    write(path.parent, **other)
    assert found(path).num_heads == 6


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"hidden_act": "relu"}, "expected hidden_act gelu or .* received 'relu'"),
        ({"layer_norm_eps": "1e-6"}, "expected layer_norm_eps above 0, received '1e-6'"),
    ],
)
def test_other_settings_are_refused_with_their_file(path, settings, named):
    write(path.parent, **settings)
    with pytest.raises(ValueError, match=f"config.json: {named}"):
        found(path)


def test_heads_that_do_not_divide_the_width_are_refused(path):
    write(path.parent, num_attention_heads=5)
    with pytest.raises(ValueError, match="received a width of 384 and 5 heads"):
        found(path)


def test_the_graph_says_its_epsilon(path):
    write(path.parent, layer_norm_eps=1e-3)
    other = norm("backbone.decoder.norm.weight", epsilon=0.5)
    # Files hold it as float32.
    assert found(path, norm(epsilon=9.999999974752427e-07), other).layer_norm_epsilon == 1e-6
    assert found(path, norm()).layer_norm_epsilon == 1e-5
    with pytest.raises(ValueError, match="one epsilon of all layer norms, received 1e-06, 1e-05"):
        found(path, norm(), norm(epsilon=1e-6))


@pytest.mark.parametrize(
    ("kind", "epsilon", "normalisation"), [("vit", 1e-12, HALF), ("dinov2", 1e-6, IMAGENET)]
)
def test_without_any_file_they_are_those_of_published_models(path, kind, epsilon, normalisation):
    one = found(path, kind=kind)
    assert (one.hidden_act, one.layer_norm_epsilon) == ("gelu", epsilon)
    assert one.normalisation == normalisation


def test_a_note_says_how_a_file_is_read(path):
    assert found(path).note == (
        "read as 6 heads of 64 as published ones of this width; gelu, epsilon 1e-06; pixels "
        "normalised by means 0.485, 0.456, 0.406 and deviations 0.229, 0.224, 0.225"
    )
