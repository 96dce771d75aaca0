"""Folders as `save_pretrained` of transformers writes them; the names are literals."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.weights.t5.folder import (
    is_t5_folder,
    load_t5,
    read_t5_folder,
    save_t5,
    variables_by_path,
)

CONFIG = {
    "model_type": "t5",
    "vocab_size": 20,
    "d_model": 8,
    "d_ff": 12,
    "d_kv": 3,
    "num_layers": 1,
    "num_decoder_layers": 1,
    "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 16,
    "layer_norm_epsilon": 1e-6,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
}


def attention(name, layer):
    return {
        **{f"{name}.{layer}.{part}.weight": (6, 8) for part in "qkv"},
        f"{name}.{layer}.o.weight": (8, 6),
        f"{name}.layer_norm.weight": (8,),
    }


def feed_forward(name):
    return {
        f"{name}.DenseReluDense.wi_0.weight": (12, 8),
        f"{name}.DenseReluDense.wi_1.weight": (12, 8),
        f"{name}.DenseReluDense.wo.weight": (8, 12),
        f"{name}.layer_norm.weight": (8,),
    }


SHAPES = {
    "shared.weight": (20, 8),
    "lm_head.weight": (20, 8),
    "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": (8, 2),
    "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight": (8, 2),
    "encoder.final_layer_norm.weight": (8,),
    "decoder.final_layer_norm.weight": (8,),
    **attention("encoder.block.0.layer.0", "SelfAttention"),
    **feed_forward("encoder.block.0.layer.1"),
    **attention("decoder.block.0.layer.0", "SelfAttention"),
    **attention("decoder.block.0.layer.1", "EncDecAttention"),
    **feed_forward("decoder.block.0.layer.2"),
}


def arrays(**changes):
    rng = np.random.default_rng(0)
    return {n: rng.normal(size=s).astype(np.float32) for n, s in {**SHAPES, **changes}.items() if s}


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """Returns `write(tensors, **changes of the configuration)`."""

    def write(tensors, **changes):
        (tmp_path / "config.json").write_text(json.dumps(CONFIG | changes))
        save_file(tensors, tmp_path / "model.safetensors")
        return tmp_path

    return write


def test_every_tensor_becomes_a_variable_and_is_written_back_equal(folder, tmp_path):
    tensors = arrays()
    path = folder(tensors)
    model = load_t5(read_t5_folder(path))
    save_t5(tmp_path / "back", model)
    back = load_file(tmp_path / "back" / "model.safetensors")
    assert back.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(back[name], array)
    assert read_t5_folder(tmp_path / "back").config == read_t5_folder(path).config


def test_kernels_are_turned(folder):
    tensors = arrays()
    found = variables_by_path(load_t5(read_t5_folder(folder(tensors))))
    theirs = tensors["decoder.block.0.layer.1.EncDecAttention.q.weight"]
    ours = found["decoder/layer_0/cross_attention/query/kernel"].numpy()
    np.testing.assert_array_equal(ours, theirs.T)
    gate = tensors["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"]
    ours = found["encoder/layer_0/feed_forward/gate_proj/kernel"].numpy()
    np.testing.assert_array_equal(ours, gate.T)


def test_copies_of_the_table_are_left_out(folder):
    table = {f"{stack}.embed_tokens.weight": (20, 8) for stack in ("encoder", "decoder")}
    read_t5_folder(folder(arrays(**table)))


def test_a_table_that_is_stored_as_a_copy_alone_is_read(folder):
    tensors = arrays(**{"shared.weight": None, "encoder.embed_tokens.weight": (20, 8)})
    found = variables_by_path(load_t5(read_t5_folder(folder(tensors))))
    stored = tensors["encoder.embed_tokens.weight"]
    np.testing.assert_array_equal(found["word_embeddings"].numpy(), stored)


def test_a_head_of_its_own_is_not_taken_from_the_table(folder):
    with pytest.raises(ValueError, match=r"expected tensor lm_head.weight .*, it is missing"):
        read_t5_folder(folder(arrays(**{"lm_head.weight": None})))


def test_a_head_that_is_the_table_may_be_stored_once(folder):
    tensors = arrays(**{"lm_head.weight": None})
    path = folder(tensors, tie_word_embeddings=True, scale_decoder_outputs=False)
    head = variables_by_path(load_t5(read_t5_folder(path)))["lm_head/kernel"].numpy()
    np.testing.assert_array_equal(head, tensors["shared.weight"].T)


def test_a_folder_is_known_by_its_model_type(folder, tmp_path):
    assert is_t5_folder(folder(arrays()))
    assert not is_t5_folder(folder(arrays(), model_type="bert"))
    assert not is_t5_folder(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feed_forward_proj": "relu"}, "expected feed_forward_proj 'gated-gelu', of T5 1.1"),
        ({"tie_word_embeddings": True}, "expected scale_decoder_outputs False, of T5 1.1"),
        ({"model_type": "bart"}, "expected model_type t5, received 'bart'"),
        ({"d_kv": "64"}, "expected a number as d_kv, received '64'"),
        ({"d_ff": 0}, "intermediate_dim must be positive"),
    ],
)
def test_another_model_is_refused(folder, changes, message):
    with pytest.raises(ValueError, match=message):
        read_t5_folder(folder(arrays(), **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decoder.final_layer_norm.weight": None}, "decoder.final_layer_norm.weight of shape"),
        ({"shared.weight": (21, 8)}, r"shared.weight: expected shape \[20, 8\]"),
        ({"surprise.weight": (2,)}, "received also surprise.weight"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(folder, changes, message):
    with pytest.raises(ValueError, match=message):
        read_t5_folder(folder(arrays(**changes)))
