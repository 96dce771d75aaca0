"""Checkpoints that tf.compat.v1 writes come in and go out, bit for bit; Model Garden's come in."""

import json

import numpy as np
import pytest
import tensorflow as tf

from pipeline.weights.export.export_model import export_model
from pipeline.weights.google.checkpoint_tensors import checkpoint_tensors
from pipeline.weights.import_model import import_model
from pipeline.weights.model_folder import read_model_folder

CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "directionality": "bidi",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "initializer_range": 0.02,
    "intermediate_size": 16,
    "max_position_embeddings": 12,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "type_vocab_size": 2,
    "vocab_size": 15,
}
LAYER = "bert/encoder/layer_0/"
# Names and shapes of the variables that run_pretraining.py makes.
SHAPES = {
    "bert/embeddings/word_embeddings": (15, 8),
    "bert/embeddings/token_type_embeddings": (2, 8),
    "bert/embeddings/position_embeddings": (12, 8),
    "bert/embeddings/LayerNorm/gamma": (8,),
    "bert/embeddings/LayerNorm/beta": (8,),
    f"{LAYER}attention/self/query/kernel": (8, 8),
    f"{LAYER}attention/self/query/bias": (8,),
    f"{LAYER}attention/self/key/kernel": (8, 8),
    f"{LAYER}attention/self/key/bias": (8,),
    f"{LAYER}attention/self/value/kernel": (8, 8),
    f"{LAYER}attention/self/value/bias": (8,),
    f"{LAYER}attention/output/dense/kernel": (8, 8),
    f"{LAYER}attention/output/dense/bias": (8,),
    f"{LAYER}attention/output/LayerNorm/gamma": (8,),
    f"{LAYER}attention/output/LayerNorm/beta": (8,),
    f"{LAYER}intermediate/dense/kernel": (8, 16),
    f"{LAYER}intermediate/dense/bias": (16,),
    f"{LAYER}output/dense/kernel": (16, 8),
    f"{LAYER}output/dense/bias": (8,),
    f"{LAYER}output/LayerNorm/gamma": (8,),
    f"{LAYER}output/LayerNorm/beta": (8,),
    "bert/pooler/dense/kernel": (8, 8),
    "bert/pooler/dense/bias": (8,),
    "cls/predictions/transform/dense/kernel": (8, 8),
    "cls/predictions/transform/dense/bias": (8,),
    "cls/predictions/transform/LayerNorm/gamma": (8,),
    "cls/predictions/transform/LayerNorm/beta": (8,),
    "cls/predictions/output_bias": (15,),
    "cls/seq_relationship/output_weights": (2, 8),
    "cls/seq_relationship/output_bias": (2,),
}
CLASSIFIER = {
    **{name: shape for name, shape in SHAPES.items() if name.startswith("bert/")},
    "output_weights": (3, 8),
    "output_bias": (3,),
}
STATE = {
    "global_step": (),
    "bert/pooler/dense/bias/adam_m": (8,),
    "bert/pooler/dense/bias/adam_v": (8,),
}


def random(shapes):
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def save_as_tf1(prefix, values):
    """Saves with the Saver of TF1, as google-research/bert did."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [
            tf.compat.v1.get_variable(name, initializer=value) for name, value in values.items()
        ]
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(variables)
        saver.save(session, str(prefix), write_meta_graph=False, write_state=False)


@pytest.fixture(name="folder")
def fixture_folder(tmp_path, hugging_face):
    """A folder with configuration and vocabulary, without a checkpoint."""
    folder = tmp_path / "uncased_L-1"
    folder.mkdir()
    (folder / "bert_config.json").write_text(json.dumps(CONFIG))
    (folder / "vocab.txt").write_text("\n".join(hugging_face.VOCABULARY) + "\n")
    return folder


@pytest.mark.parametrize(("shapes", "kind"), [(SHAPES, "pretrainer"), (CLASSIFIER, "classifier")])
def test_what_is_imported_and_exported_is_the_same_checkpoint(folder, tmp_path, shapes, kind):
    values = random(shapes)
    save_as_tf1(folder / "bert_model.ckpt", {**values, **random(STATE)})
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
    values = random(SHAPES)
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


def test_one_of_several_checkpoints_is_named(folder, tmp_path):
    for step in (10, 20):
        save_as_tf1(folder / f"model.ckpt-{step}", random(SHAPES))
    with pytest.raises(FileNotFoundError, match="received model.ckpt-10, model.ckpt-20. Name one"):
        import_model(folder, tmp_path / "ours")
    for name in ("model.ckpt-20", "model.ckpt-20.index", "model.ckpt-20.data-00000-of-00001"):
        import_model(folder / name, tmp_path / name)
        assert read_model_folder(tmp_path / name).description.kind == "pretrainer"


def test_a_list_of_checkpoints_that_points_elsewhere_is_not_followed(folder, tmp_path):
    save_as_tf1(tmp_path / "elsewhere", random(SHAPES))
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "{tmp_path}/elsewhere"\n')
    with pytest.raises(FileNotFoundError, match="expected bert_model.ckpt.index .* received none"):
        import_model(folder, tmp_path / "ours")


@pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
def test_a_file_cut_short_is_refused(folder, tmp_path, ending):
    save_as_tf1(folder / "bert_model.ckpt", random(SHAPES))
    file = folder / f"bert_model.ckpt.{ending}"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"bert_model.ckpt.{ending[:4]}.*: expected "):
        import_model(folder, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_changed_bytes_are_refused(folder, tmp_path):
    save_as_tf1(folder / "bert_model.ckpt", random(SHAPES))
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
    save_as_tf1(folder / "bert_model.ckpt", random(SHAPES))
    (folder / "bert_config.json").write_text(json.dumps({**CONFIG, **settings}))
    with pytest.raises(ValueError, match=message):
        import_model(folder, tmp_path / "ours")


def garden_values(values):
    """The tensors of Google's names as Model Garden's converter names and shapes them."""
    layer = "transformer/layer_0/"
    renamed = {
        "word_embeddings/embeddings": values["bert/embeddings/word_embeddings"],
        "type_embeddings/embeddings": values["bert/embeddings/token_type_embeddings"],
        "position_embedding/embeddings": values["bert/embeddings/position_embeddings"],
        "embeddings/layer_norm/gamma": values["bert/embeddings/LayerNorm/gamma"],
        "embeddings/layer_norm/beta": values["bert/embeddings/LayerNorm/beta"],
        "pooler_transform/kernel": values["bert/pooler/dense/kernel"],
        "pooler_transform/bias": values["bert/pooler/dense/bias"],
    }
    attention = f"{LAYER}attention/self/"
    for name in ("query", "key", "value"):
        kernel = values[f"{attention}{name}/kernel"].reshape(8, 2, 4)
        renamed[f"{layer}self_attention/{name}/kernel"] = kernel
        bias = values[f"{attention}{name}/bias"].reshape(2, 4)
        renamed[f"{layer}self_attention/{name}/bias"] = bias
    output, joined = f"{LAYER}attention/output/dense/", f"{layer}self_attention/attention_output/"
    renamed[f"{joined}kernel"] = values[f"{output}kernel"].reshape(2, 4, 8)
    renamed[f"{joined}bias"] = values[f"{output}bias"]
    for ours, theirs in (
        ("attention/output/LayerNorm/", "self_attention_layer_norm/"),
        ("output/LayerNorm/", "output_layer_norm/"),
    ):
        for part in ("gamma", "beta"):
            renamed[f"{layer}{theirs}{part}"] = values[f"{LAYER}{ours}{part}"]
    for name in ("intermediate", "output"):
        for part in ("kernel", "bias"):
            renamed[f"{layer}{name}/{part}"] = values[f"{LAYER}{name}/dense/{part}"]
    return renamed


@pytest.mark.parametrize("is_object_based", [False, True])
def test_model_gardens_encoder_is_that_of_google(folder, tmp_path, is_object_based):
    values = random(SHAPES)
    save_as_tf1(folder / "bert_model.ckpt", values)
    import_model(folder, tmp_path / "google")
    for file in folder.glob("bert_model.ckpt*"):
        file.unlink()
    garden = garden_values(values)
    if is_object_based:
        # The variable's name below the model's; the objects have names of their own.
        named = [tf.Variable(value, name=f"bert_encoder/{name}") for name, value in garden.items()]
        step = tf.Variable(3.0, name="learning_rate")
        tf.train.Checkpoint(encoder=tf.train.Checkpoint(layers=named), step=step).write(
            str(folder / "bert_model.ckpt")
        )
    else:
        save_as_tf1(folder / "bert_model.ckpt", garden)
    model = import_model(folder, tmp_path / "garden")
    assert model.description.origin == "TensorFlow Model Garden uncased_L-1"
    found, expected = (
        {
            path: tensor.read()
            for path, tensor in read_model_folder(tmp_path / name).tensors.items()
            if path.startswith("encoder/")
        }
        for name in ("garden", "google")
    )
    np.testing.assert_equal(found, expected)


# 1,041 numbers: 248 of the embeddings, 600 of the block, 72 of the pooler, 121 of the heads.
def test_an_index_that_promises_more_than_the_file_holds_is_refused(folder):
    save_as_tf1(folder / "bert_model.ckpt", random(SHAPES))
    file = folder / "bert_model.ckpt.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="expected 4,164 bytes, as its index says, received 100"):
        checkpoint_tensors(folder / "bert_model.ckpt")
