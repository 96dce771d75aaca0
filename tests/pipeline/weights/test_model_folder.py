"""A model folder gives back what was saved, and says what does not fit before it is read."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.weights.model_folder import (
    is_model_folder,
    load_weights,
    read_model_folder,
    save_model_folder,
)
from pipeline.weights.tensors import tensor_shapes, variables_by_path


@pytest.mark.parametrize("kind", ["encoder", "pretrainer", "classifier"])
def test_shapes_are_those_of_the_keras_model(kind, built, config):
    model = built(kind)
    expected = {path: tuple(each.shape) for path, each in variables_by_path(model).items()}
    assert dict(tensor_shapes(config, kind, 3)) == expected


@pytest.mark.parametrize("kind", ["encoder", "pretrainer", "classifier"])
def test_a_saved_model_comes_back(kind, tmp_path, built, describe, vocab_file, values_of):
    model, other = built(kind), built(kind)
    description = describe(kind, metrics={"accuracy": 0.5}, origin="a test")
    save_model_folder(
        *(tmp_path / "m", model, description), vocab_file=vocab_file, do_lower_case=False
    )
    folder = read_model_folder(tmp_path / "m")
    assert load_weights(folder, other) == ()
    np.testing.assert_equal(values_of(other), values_of(model))
    assert (folder.description, folder.config) == (description, model.config)
    assert (folder.do_lower_case, folder.ids) == (False, "bert")


def test_the_encoder_of_a_classifier_is_loaded_alone(saved, built):
    folder = read_model_folder(saved("classifier"))
    encoder = built("encoder")
    load_weights(folder, encoder)
    table = load_file(folder.path / "model.safetensors")["encoder/embeddings/word_embeddings"]
    np.testing.assert_array_equal(encoder.embeddings.word_embeddings.numpy(), table)


def test_a_head_without_weights_is_refused_or_kept_new(saved, built):
    folder = read_model_folder(saved("encoder", origin="elsewhere"))
    with pytest.raises(ValueError, match="masked_lm_head/.* encoder from elsewhere has none"):
        load_weights(folder, built("pretrainer"))
    kept = load_weights(folder, built("pretrainer"), new_heads=True)
    assert {path.split("/")[0] for path in kept} == {"masked_lm_head", "next_sentence_head"}


def test_what_the_origin_did_not_have_keeps_its_initial_values(saved, built, values_of):
    folder = read_model_folder(saved("encoder", absent=("encoder/pooler/",)))
    encoder = built("encoder")
    before = values_of(encoder)
    kept = load_weights(folder, encoder)
    assert sorted(kept) == ["encoder/pooler/bias", "encoder/pooler/kernel"]
    np.testing.assert_array_equal(encoder.pooler.kernel.numpy(), before["encoder/pooler/kernel"])


def test_a_folder_without_its_marker_is_not_finished(saved):
    folder = saved("encoder")
    (folder / "model.json").unlink()
    assert not is_model_folder(folder)
    with pytest.raises(FileNotFoundError, match="without model.json"):
        read_model_folder(folder)


def change_tensors(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def test_a_tensor_of_another_shape_is_named(saved):
    folder = saved("encoder")
    name = "encoder/layer_1/attention/key/kernel"
    change_tensors(folder, lambda tensors: tensors.update({name: np.zeros([8, 9], "f")}))
    message = re.escape(f"tensor {name}: expected shape [8, 8], received [8, 9]")
    with pytest.raises(ValueError, match=message):
        read_model_folder(folder)


def test_a_missing_tensor_and_one_too_many_are_named(saved):
    folder = saved("encoder")
    change_tensors(folder, lambda tensors: tensors.pop("encoder/pooler/bias"))
    with pytest.raises(ValueError, match=r"expected tensor encoder/pooler/bias of shape \(8,\)"):
        read_model_folder(folder)
    extra = {"encoder/pooler/bias": np.zeros(8, "f"), "head/bias": np.zeros(2, "f")}
    change_tensors(folder, lambda tensors: tensors.update(extra))
    with pytest.raises(ValueError, match="tensors of kind encoder alone, received also head/bias"):
        read_model_folder(folder)


def test_sizes_beyond_all_bounds_are_refused_by_the_first_tensor(saved):
    folder = saved("encoder")
    config = json.loads((folder / "bert_config.json").read_text())
    absurd = {**config, "num_layers": 10**12, "hidden_dim": 2**40}
    (folder / "bert_config.json").write_text(json.dumps(absurd))
    with pytest.raises(ValueError, match="word_embeddings: expected shape .15, 1099511627776."):
        read_model_folder(folder)
    (folder / "bert_config.json").write_text(json.dumps({**config, "num_layers": 10**12}))
    with pytest.raises(ValueError, match="expected tensor encoder/layer_2/attention/query/kernel"):
        read_model_folder(folder)


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_file_cut_short_is_refused(saved, keep):
    path = saved("encoder") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="model.safetensors: expected a whole safetensors file"):
        read_model_folder(path.parent)


def test_a_header_longer_than_the_file_is_refused(saved):
    path = saved("encoder") / "model.safetensors"
    path.write_bytes((2**60).to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ValueError, match="expected a whole safetensors file"):
        read_model_folder(path.parent)


def test_numbers_that_are_not_finite_or_no_floats_are_refused(saved, built):
    folder = saved("encoder")
    change_tensors(
        folder, lambda each: each.update({"encoder/pooler/bias": np.full(8, np.nan, "f")})
    )
    with pytest.raises(
        ValueError, match="encoder/pooler/bias: expected finite numbers, received 8"
    ):
        load_weights(read_model_folder(folder), built("encoder"))
    change_tensors(folder, lambda each: each.update({"encoder/pooler/bias": np.ones(8, np.int8)}))
    with pytest.raises(ValueError, match="expected floating-point numbers .* received I8"):
        load_weights(read_model_folder(folder), built("encoder"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "decoder"}, "kind must be one of encoder, .* received 'decoder'"),
        ({"absent": ["encoder/"]}, "absent must be of .* received encoder/"),
        ({"trained_positions": 0}, "must be positive"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_description_that_describes_nothing_is_refused(saved, change, message):
    path = saved("encoder") / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ValueError, match=f"model.json: expected a description.*{message}"):
        read_model_folder(path.parent)


def test_a_vocabulary_larger_than_the_table_is_refused(saved):
    folder = saved("encoder")
    with open(folder / "vocab.txt", "a") as file:
        file.write("more\n")
    with pytest.raises(ValueError, match="at most 15 entries, the vocab_size .* received 16"):
        read_model_folder(folder)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("trained_positions", 1_000, "at most 12, the max_position_embeddings"),
        ("max_seq_length", 10.5, "max_seq_length must be a whole number, received 10.5"),
        ("trained_positions", "12", "trained_positions must be a whole number, received '12'"),
        ("labels", "abc", "labels must be strings, received 'abc'"),
        ("labels", [1, 2, 3], "labels must be strings"),
        ("score_range", 5, "score_range must be a lower and a higher number, received 5"),
        ("score_range", [5, 1], "score_range must be a lower and a higher number"),
    ],
)
def test_a_description_with_a_value_of_another_kind_is_refused(saved, name, value, message):
    path = saved("classifier") / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read_model_folder(path.parent)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer_config.json", '{"do_lower_case": "false"}', "expected true or false"),
        ("tokenizer_config.json", '{"ids": "other"}', "expected ids bert or tf_text"),
        ("bert_config.json", '{"vocab_size": 15', "expected JSON"),
        ("bert_config.json", '{"vocab_size": "15"}', "lacks keys"),
        ("model.json", "[" * 100_000, "expected JSON"),
    ],
)
def test_a_settings_file_that_is_wrong_is_named(saved, file, content, message):
    path = saved("encoder") / file
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        read_model_folder(path.parent)
    assert str(error.value).startswith(str(path))
