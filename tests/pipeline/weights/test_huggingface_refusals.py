"""Hugging Face's folders that do not fit, or are not what they seem: refused by name."""

import json

import numpy as np
import pytest

from pipeline.weights.import_model import import_model


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"architectures": ["BertForTokenClassification"]}, "texts, .* received BertForTokenCl"),
        ({"architectures": ["BertForMultipleChoice"]}, "texts, .* received BertForMultipleCho"),
        ({"problem_type": "multi_label_classification"}, "labels do not exclude each other"),
    ],
)
def test_a_classifier_of_another_kind_is_refused(imported, tmp_path, settings, message):
    """Its tensors have the names of a classifier of texts; its labels would mean nothing."""
    with pytest.raises(ValueError, match=message):
        imported("BertForSequenceClassification", **settings)
    assert not (tmp_path / "ours").exists()


def test_a_classifier_without_a_pooler_is_refused(imported, hugging_face):
    tensors = hugging_face.random_tensors("BertForSequenceClassification")
    without = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    with pytest.raises(ValueError, match="received one without a pooler, as models that label tok"):
        imported("BertForSequenceClassification", without)


def test_an_untied_decoder_is_refused(imported, tmp_path, hugging_face):
    tensors = hugging_face.random_tensors("BertForMaskedLM")
    tensors["cls.predictions.decoder.weight"] = np.ones([15, 8], np.float32)
    with pytest.raises(ValueError, match="decoder.weight: expected the values of .*word_embedd"):
        imported("BertForMaskedLM", tensors)
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act must be one of gelu, .* received relu"),
        ({"model_type": "roberta"}, "expected model_type 'bert', received 'roberta'"),
        ({"position_embedding_type": "relative_key"}, "expected position_embedding_type"),
        ({"is_decoder": True}, "expected is_decoder False, received True"),
        ({"hidden_size": "8"}, "expected a whole number as hidden_size, received '8'"),
        ({"num_hidden_layers": 2}, r"expected tensor bert.encoder.layer.1.* it is missing"),
        ({"hidden_size": 10}, r"word_embeddings.weight: expected shape \[15, 10\]"),
        ({"vocab_size": 14}, r"word_embeddings.weight: expected shape \[14, 8\]"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(imported, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        imported("BertModel", **settings)
    assert not (tmp_path / "ours").exists()


def test_a_configuration_without_a_size_is_refused(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    config = {k: v for k, v in hugging_face.CONFIG.items() if k != "num_attention_heads"}
    (tmp_path / "theirs" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="sizes of a BERT, num_attention_heads is missing"):
        import_model(tmp_path / "theirs", tmp_path / "ours")


def test_a_tensor_without_a_place_is_named(imported, hugging_face):
    tensors = hugging_face.random_tensors("BertModel")
    tensors["qa_outputs.weight"] = np.ones([2, 8], np.float32)
    with pytest.raises(ValueError, match=r"alone, received also qa_outputs.weight \[2, 8\]"):
        imported("BertModel", tensors)


def test_a_missing_tensor_of_a_head_is_named(imported, hugging_face):
    tensors = hugging_face.random_tensors("BertForMaskedLM")
    del tensors["cls.predictions.transform.dense.bias"]
    with pytest.raises(ValueError, match="cls.predictions.transform.dense.bias, it is missing"):
        imported("BertForMaskedLM", tensors)


@pytest.mark.parametrize("outside", ["../b.safetensors", "/etc/passwd", "sub/b", "..\\b", 7])
def test_no_path_of_an_index_leaves_the_folder(tmp_path, hugging_face, outside):
    tensors = hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    hugging_face.shard(tmp_path / "theirs", tensors, b=outside)
    with pytest.raises(ValueError, match="expected names of files in this folder"):
        import_model(tmp_path / "theirs", tmp_path / "ours")


def test_a_shard_that_is_missing_is_named(tmp_path, hugging_face):
    tensors = hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    hugging_face.shard(tmp_path / "theirs", tensors)
    (tmp_path / "theirs" / "b.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="b.safetensors: expected a safetensors file"):
        import_model(tmp_path / "theirs", tmp_path / "ours")


def test_a_pickle_is_not_opened(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    (tmp_path / "theirs" / "model.safetensors").rename(tmp_path / "theirs" / "pytorch_model.bin")
    with pytest.raises(ValueError, match="received a pickle, .* safe_serialization=True"):
        import_model(tmp_path / "theirs", tmp_path / "ours")


def test_a_file_cut_short_leaves_nothing_behind(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    file = tmp_path / "theirs" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="model.safetensors: expected a whole safetensors file"):
        import_model(tmp_path / "theirs", tmp_path / "ours")
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_labels_of_another_number_are_refused(imported):
    with pytest.raises(ValueError, match="expected in id2label the classes 0 to 2"):
        imported("BertForSequenceClassification", id2label={"0": "a", "1": "b"})


def test_a_folder_without_a_vocabulary_is_refused(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    (tmp_path / "theirs" / "vocab.txt").unlink()
    with pytest.raises(FileNotFoundError, match="expected vocab.txt or tokenizer.json"):
        import_model(tmp_path / "theirs", tmp_path / "ours")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "tokenizer.json: expected a JSON object, received list"),
        ("{", "tokenizer.json: expected JSON"),
        ('{"model": {"type": "BPE"}}', "expected a WordPiece model .* received BPE"),
        (
            '{"model": {"continuing_subword_prefix": "##", "vocab": {"a": 0, "b": 2}}}',
            "received 'b' as 2 where 1 comes next",
        ),
        (
            '{"model": {"continuing_subword_prefix": "##", "vocab": {"a": "x"}}}',
            "expected an id for each entry",
        ),
    ],
)
def test_a_tokenizer_that_is_none_is_refused(tmp_path, hugging_face, content, message):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    (tmp_path / "theirs" / "vocab.txt").unlink()
    (tmp_path / "theirs" / "tokenizer.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        import_model(tmp_path / "theirs", tmp_path / "ours")


def test_a_vocabulary_without_a_special_token_is_named_where_it_lies(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    words = "\n".join(hugging_face.VOCABULARY).replace("[MASK]", "mask")
    (tmp_path / "theirs" / "vocab.txt").write_text(words + "\n")
    file = tmp_path / "theirs" / "vocab.txt"
    with pytest.raises(ValueError, match=rf"{file}: expected the special tokens .*\[MASK\] is mis"):
        import_model(tmp_path / "theirs", tmp_path / "ours")
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("layer_norm_eps", float("nan"), "expected a finite number as layer_norm_eps"),
        ("initializer_range", float("inf"), "expected a finite number as initializer_range"),
        ("hidden_act", {"a": 1}, "expected a name as hidden_act"),
        ("num_hidden_layers", 1.5, "expected a whole number as num_hidden_layers, received 1.5"),
    ],
)
def test_a_setting_that_is_no_such_value_is_refused(imported, key, value, message):
    with pytest.raises(ValueError, match=message):
        imported("BertModel", **{key: value})


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "tokenizer.json"])
def test_a_file_nested_beyond_reading_is_refused(tmp_path, hugging_face, file):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    (tmp_path / "theirs" / file).write_text('{"a":' + "[" * 100_000)
    with pytest.raises(ValueError, match=f"{file}: expected JSON, received maximum recursion"):
        import_model(tmp_path / "theirs", tmp_path / "ours")
