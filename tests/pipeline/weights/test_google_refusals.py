"""Google's folders that are not whole, or are not what they seem: refused by name."""

import json

import pytest
from google_checkpoints import CONFIG, SHAPES, random_values, save_as_tf1, write_folder

from pipeline.weights.google.checkpoint_tensors import checkpoint_tensors
from pipeline.weights.import_model import import_model
from pipeline.weights.model_folder import read_model_folder


@pytest.fixture(name="folder")
def fixture_folder(tmp_path, hugging_face):
    """A folder with configuration and vocabulary, without a checkpoint."""
    return write_folder(tmp_path / "uncased_L-1", hugging_face.VOCABULARY)


def test_one_of_several_checkpoints_is_named(folder, tmp_path):
    for step in (10, 20):
        save_as_tf1(folder / f"model.ckpt-{step}", random_values(SHAPES))
    with pytest.raises(FileNotFoundError, match="received model.ckpt-10, model.ckpt-20. Name one"):
        import_model(folder, tmp_path / "ours")
    for name in ("model.ckpt-20", "model.ckpt-20.index", "model.ckpt-20.data-00000-of-00001"):
        import_model(folder / name, tmp_path / name)
        assert read_model_folder(tmp_path / name).description.kind == "pretrainer"


def test_a_list_of_checkpoints_that_points_elsewhere_is_not_followed(folder, tmp_path):
    save_as_tf1(tmp_path / "elsewhere", random_values(SHAPES))
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{tmp_path}/elsewhere"\n')
    with pytest.raises(FileNotFoundError, match="expected bert_model.ckpt.index .* received none"):
        import_model(folder, tmp_path / "ours")


@pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
def test_a_file_cut_short_is_refused(folder, tmp_path, ending):
    save_as_tf1(folder / "bert_model.ckpt", random_values(SHAPES))
    file = folder / f"bert_model.ckpt.{ending}"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"bert_model.ckpt.{ending[:4]}.*: expected "):
        import_model(folder, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_changed_bytes_are_refused(folder, tmp_path):
    save_as_tf1(folder / "bert_model.ckpt", random_values(SHAPES))
    file = folder / "bert_model.ckpt.data-00000-of-00001"
    content = bytearray(file.read_bytes())
    content[100] ^= 255
    file.write_bytes(content)
    with pytest.raises(ValueError, match="tensor .*: expected a whole checkpoint, received"):
        import_model(folder, tmp_path / "ours")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_hidden_layers": 3}, "expected tensor bert/encoder/layer_1/attention/self/query/ker"),
        ({"intermediate_size": 17}, r"intermediate/dense/kernel: expected shape \[8, 17\]"),
        ({"embedding_size": 4}, "this is no BERT but an ALBERT"),
        ({"hidden_act": "relu"}, "expected hidden_act 'gelu', received 'relu'"),
    ],
)
def test_another_configuration_is_refused(folder, tmp_path, settings, message):
    save_as_tf1(folder / "bert_model.ckpt", random_values(SHAPES))
    (folder / "bert_config.json").write_text(json.dumps({**CONFIG, **settings}))
    with pytest.raises(ValueError, match=message):
        import_model(folder, tmp_path / "ours")


# 1,041 numbers: 248 of the embeddings, 600 of the block, 72 of the pooler, 121 of the heads.
def test_an_index_that_promises_more_than_the_file_holds_is_refused(folder):
    save_as_tf1(folder / "bert_model.ckpt", random_values(SHAPES))
    file = folder / "bert_model.ckpt.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="expected 4,164 bytes, as its index says, received 100"):
        checkpoint_tensors(folder / "bert_model.ckpt")
