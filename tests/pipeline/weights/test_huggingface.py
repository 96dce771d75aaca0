"""Hugging Face's folders: every architecture comes in and goes out, bit for bit."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from pipeline.weights.export.export_model import export_model
from pipeline.weights.import_model import import_model
from pipeline.weights.model_folder import read_model_folder

ARCHITECTURES = {
    "BertModel": ("encoder", ()),
    "BertForPreTraining": ("pretrainer", ()),
    "BertForMaskedLM": ("pretrainer", ("encoder/pooler/", "next_sentence_head/")),
    "BertForSequenceClassification": ("classifier", ()),
}


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


@pytest.mark.parametrize("hidden_act", ["gelu", "gelu_new", "gelu_pytorch_tanh"])
def test_the_form_of_gelu_is_kept(imported, tmp_path, hidden_act):
    assert imported("BertModel", hidden_act=hidden_act).config.hidden_act == hidden_act
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    assert json.loads((tmp_path / "back/config.json").read_text())["hidden_act"] == hidden_act


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
    hugging_face.shard(tmp_path / "theirs", tensors)
    import_model(tmp_path / "theirs", tmp_path / "ours")
    export_model(tmp_path / "ours", tmp_path / "back", "huggingface")
    np.testing.assert_equal(load_file(tmp_path / "back" / "model.safetensors"), tensors)


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


def test_a_tokenizer_of_other_rules_gets_a_note(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    rules = {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False}
    (tmp_path / "theirs" / "tokenizer_config.json").write_text(json.dumps(rules))
    model = import_model(tmp_path / "theirs", tmp_path / "ours")
    accents, chinese = model.notes
    assert "strip_accents=False with do_lower_case=True" in accents
    assert "tokenize_chinese_chars=False" in chinese


def test_a_byte_order_mark_before_the_settings_is_dropped(tmp_path, hugging_face):
    hugging_face.write_folder(tmp_path / "theirs", "BertModel")
    path = tmp_path / "theirs" / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert import_model(tmp_path / "theirs", tmp_path / "ours").config.hidden_dim == 8
