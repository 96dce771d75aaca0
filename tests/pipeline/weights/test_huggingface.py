"""Hugging Face's folders: every architecture comes in and goes out, bit for bit."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pipeline.weights.export.export_model import export_model
from pipeline.weights.import_model import import_model
from pipeline.weights.model_folder import read_model_folder

ARCHITECTURES = {
    "BertModel": ("encoder", ()),
    "BertForPreTraining": ("pretrainer", ()),
    "BertForMaskedLM": ("pretrainer", ("encoder/pooler/", "next_sentence_head/")),
    "BertForSequenceClassification": ("classifier", ()),
}


@pytest.fixture(name="imported")
def fixture_imported(tmp_path, hugging_face):
    """Returns `make(architecture, tensors, **settings)`: the model folder of such a folder."""

    def make(architecture, tensors=None, **settings):
        hugging_face.write_folder(tmp_path / "theirs", architecture, tensors, **settings)
        import_model(tmp_path / "theirs", tmp_path / "ours")
        return read_model_folder(tmp_path / "ours")

    return make


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_imported_and_exported_is_the_same_file(
    architecture, imported, tmp_path, hugging_face
):
    folder = imported(architecture)
    kind, absent = ARCHITECTURES[architecture]
    assert (folder.description.kind, folder.description.absent) == (kind, absent)
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    back = load_file(tmp_path / "back" / "model.safetensors")
    np.testing.assert_equal(back, hugging_face.random_tensors(architecture))
    config = json.loads((tmp_path / "back" / "config.json").read_text())
    assert hugging_face.CONFIG | {"architectures": [architecture]} == {
        key: config[key] for key in hugging_face.CONFIG
    }
    assert (tmp_path / "back" / "vocab.txt").read_bytes() == (
        tmp_path / "theirs" / "vocab.txt"
    ).read_bytes()


def test_a_kernel_is_turned_round_and_a_table_is_not(imported, hugging_face):
    theirs = hugging_face.random_tensors("BertForPreTraining")
    ours = imported("BertForPreTraining").tensors
    for path, name, turned in (
        (
            "encoder/layer_0/intermediate/kernel",
            "bert.encoder.layer.0.intermediate.dense.weight",
            1,
        ),
        (
            "encoder/embeddings/segment_embeddings",
            "bert.embeddings.token_type_embeddings.weight",
            0,
        ),
        ("next_sentence_head/kernel", "cls.seq_relationship.weight", 1),
    ):
        expected = theirs[name].T if turned else theirs[name]
        np.testing.assert_array_equal(ours[path].read(), expected)


def test_old_names_and_buffers_and_a_tied_decoder_make_no_difference(
    imported, tmp_path, hugging_face
):
    tensors = hugging_face.random_tensors("BertForPreTraining")
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): array
        for name, array in tensors.items()
    }
    old["bert.embeddings.position_ids"] = np.arange(12)[None]
    old["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].copy()
    old["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].copy()
    imported("BertForPreTraining", old)
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    np.testing.assert_equal(load_file(tmp_path / "back" / "model.safetensors"), tensors)


def test_files_of_its_tensorflow_models_hold_the_same_model(imported, tmp_path, hugging_face):
    tensors = hugging_face.random_tensors("BertForPreTraining")
    of_keras = {}
    for name, array in tensors.items():
        renamed = hugging_face.name_of_keras(name)
        of_keras[renamed] = np.ascontiguousarray(array.T) if "kernel" in renamed else array
        assert hugging_face.OF_KERAS.get(name, renamed) == renamed
    imported("BertForPreTraining", of_keras)
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    np.testing.assert_equal(load_file(tmp_path / "back" / "model.safetensors"), tensors)


def test_an_untied_decoder_is_refused(imported, tmp_path, hugging_face):
    tensors = hugging_face.random_tensors("BertForMaskedLM")
    tensors["cls.predictions.decoder.weight"] = np.ones([15, 8], np.float32)
    with pytest.raises(ValueError, match="decoder.weight: expected the values of .*word_embedd"):
        imported("BertForMaskedLM", tensors)
    assert not (tmp_path / "ours").exists()


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_new", "gelu_pytorch_tanh"])
def test_the_form_of_gelu_is_kept(imported, tmp_path, hidden_act):
    assert imported("BertModel", hidden_act=hidden_act).config.hidden_act == hidden_act
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    assert json.loads((tmp_path / "back/config.json").read_text())["hidden_act"] == hidden_act


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


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_becomes_float32(imported, hugging_face, dtype):
    import ml_dtypes  # NumPy knows bfloat16 from here on

    tensors = hugging_face.random_tensors("BertModel")
    halves = {k: v.astype(getattr(ml_dtypes, dtype, dtype)) for k, v in tensors.items()}
    table = imported("BertModel", halves).tensors["encoder/embeddings/word_embeddings"]
    name = "embeddings.word_embeddings.weight"
    assert table.dtype == "F32"
    np.testing.assert_array_equal(table.read(), halves[name].astype(np.float32))


def test_shards_are_joined(tmp_path, hugging_face):
    tensors = hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    shard(tmp_path / "theirs", tensors)
    import_model(tmp_path / "theirs", tmp_path / "ours")
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    np.testing.assert_equal(load_file(tmp_path / "back" / "model.safetensors"), tensors)


def shard(folder, tensors, **renamed):
    """Splits `model.safetensors` in two; `renamed` replaces a file's name in the index."""
    names = sorted(tensors)
    halves = {"a.safetensors": names[:9], "b.safetensors": names[9:]}
    weight_map = {}
    for file, of_file in halves.items():
        save_file({name: tensors[name] for name in of_file}, folder / file)
        listed = renamed.get(file[0], file)
        weight_map |= dict.fromkeys(of_file, listed)
    (folder / "model.safetensors").unlink()
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("outside", ["../b.safetensors", "/etc/passwd", "sub/b", "..\\b", 7])
def test_no_path_of_an_index_leaves_the_folder(tmp_path, hugging_face, outside):
    tensors = hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    shard(tmp_path / "theirs", tensors, b=outside)
    with pytest.raises(ValueError, match="expected names of files in this folder"):
        import_model(tmp_path / "theirs", tmp_path / "ours")


def test_a_shard_that_is_missing_is_named(tmp_path, hugging_face):
    tensors = hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    shard(tmp_path / "theirs", tensors)
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


def test_labels_are_those_of_the_configuration(imported, tmp_path):
    id2label = {"0": "sad", "1": "glad", "2": "mad"}
    folder = imported("BertForSequenceClassification", id2label=id2label)
    assert folder.description.labels == ("sad", "glad", "mad")
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    config = json.loads((tmp_path / "back" / "config.json").read_text())
    assert (config["id2label"], config["problem_type"]) == (
        id2label,
        "single_label_classification",
    )


def test_labels_of_another_number_are_refused(imported):
    with pytest.raises(ValueError, match="expected in id2label the classes 0 to 2"):
        imported("BertForSequenceClassification", id2label={"0": "a", "1": "b"})


def test_a_regression_leaves_with_a_head_that_gives_scores(saved, tmp_path):
    folder = saved("classifier", task="sts", labels=(), score_range=(0.0, 5.0))
    export_model(folder, tmp_path / "back", "huggingface")
    ours = load_file(folder / "model.safetensors")
    theirs = load_file(tmp_path / "back" / "model.safetensors")
    # -1 to 1 becomes 0 to 5: 2.5 x + 2.5, exact to a rounding each of the product and the sums.
    np.testing.assert_array_equal(theirs["classifier.weight"], 2.5 * ours["head/kernel"].T)
    np.testing.assert_allclose(theirs["classifier.bias"], 2.5 * ours["head/bias"] + 2.5, rtol=1e-6)
    assert json.loads((tmp_path / "back/config.json").read_text())["problem_type"] == "regression"


def test_a_vocabulary_inside_tokenizer_json_is_enough(tmp_path, saved, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    export_model(saved("encoder"), tmp_path / "written", "huggingface")
    (tmp_path / "theirs" / "vocab.txt").unlink()
    (tmp_path / "theirs" / "tokenizer_config.json").unlink()
    (tmp_path / "written" / "tokenizer.json").rename(tmp_path / "theirs" / "tokenizer.json")
    import_model(tmp_path / "theirs", tmp_path / "ours")
    folder = read_model_folder(tmp_path / "ours")
    assert (tmp_path / "ours" / "vocab.txt").read_text().split() == hugging_face.VOCABULARY
    assert folder.do_lower_case


def test_a_folder_without_a_vocabulary_is_refused(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    (tmp_path / "theirs" / "vocab.txt").unlink()
    with pytest.raises(FileNotFoundError, match="expected vocab.txt or tokenizer.json"):
        import_model(tmp_path / "theirs", tmp_path / "ours")


def test_a_tokenizer_of_other_rules_gets_a_note(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    rules = {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False}
    (tmp_path / "theirs" / "tokenizer_config.json").write_text(json.dumps(rules))
    model = import_model(tmp_path / "theirs", tmp_path / "ours")
    accents, chinese = model.notes
    assert "strip_accents=False with do_lower_case=True" in accents
    assert "tokenize_chinese_chars=False" in chinese


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


def test_a_byte_order_mark_before_the_settings_is_dropped(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    path = tmp_path / "theirs" / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert import_model(tmp_path / "theirs", tmp_path / "ours").config.hidden_dim == 8
