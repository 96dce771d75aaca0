import json

import numpy as np
import pytest

from pipeline.vision.weights.read import read_weights

onnx = pytest.importorskip("onnx", reason="reading ONNX needs the extra onnx")


def export(model, path, prefix="backbone.", heads_after=()):
    """Writes a file as PyTorch exports it: kernels and positions without a name, a decoder.

    Beside it `config.json`, without which the heads of such a little model are not known.
    """
    (path.parent / "config.json").write_text(json.dumps(model.settings()))
    tensors = {prefix + name: array for name, array in model.tensors.items()}
    positions = tensors.pop(f"{prefix}embeddings.position_embeddings")
    tensors["onnx::Concat_7"], tensors["onnx::Reshape_8"] = positions[:, :1], positions[:, 1:]
    tensors["decoder.final_conv.weight"] = np.ones((1, 8, 1, 1), np.float32)
    nodes, number = [], 100
    for name in [name for name in tensors if name.endswith(".weight")]:
        bias = name.removesuffix("weight") + "bias"
        if tensors[name].ndim != 2 or bias not in tensors:
            continue
        # Numbers fall, so that the order of the names is not that of the layers.
        number -= 1
        anonymous = f"onnx::MatMul_{number}"
        tensors[anonymous] = np.ascontiguousarray(tensors.pop(name).T)
        nodes.append(onnx.helper.make_node("MatMul", [f"in_{number}", anonymous], [f"p_{number}"]))
        inputs = [bias, f"p_{number}"] if number % 2 else [f"p_{number}", bias]
        nodes.append(onnx.helper.make_node("Add", inputs, [f"out_{number}"]))
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()]
    initializers += list(heads_after)
    graph = onnx.helper.make_graph(nodes, "graph", [], [], initializers)
    # Not onnx.save, which would want the tensors that lie elsewhere.
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    return path


@pytest.mark.parametrize("kind", ["vit", "dinov2"])
@pytest.mark.parametrize("prefix", ["backbone.", ""])
def test_anonymous_kernels_are_found_through_the_graph(tmp_path, foreign, kind, prefix):
    model = foreign(kind)
    weights = read_weights(export(model, tmp_path / "model.onnx", prefix))
    assert set(weights.tensors) == set(model.ours)
    for path, expected in model.ours.items():
        np.testing.assert_array_equal(weights.tensors[path].read(), expected)
    assert weights.config == model.config
    assert weights.notes[1:] == ("left out what is not the backbone: decoder",)


def test_a_damaged_file_is_refused(tmp_path, foreign):
    path = export(foreign("dinov2"), tmp_path / "model.onnx")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cut short"):
        read_weights(path)


def test_a_file_without_a_backbone_is_refused(tmp_path):
    graph = onnx.helper.make_graph([], "graph", [], [], [])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="expected one tensor called ...embeddings.cls_token"):
        read_weights(tmp_path / "model.onnx")


def test_a_missing_tensor_is_named(tmp_path, foreign):
    model = foreign("dinov2")
    del model.tensors["encoder.layer.1.mlp.fc2.bias"]
    with pytest.raises(ValueError, match="expected tensor encoder.layer.1.mlp.fc2"):
        read_weights(export(model, tmp_path / "model.onnx"))


def test_tensors_in_other_files_are_not_fetched(tmp_path, foreign):
    outside = onnx.numpy_helper.from_array(np.zeros(4, np.float32), "backbone.stolen")
    onnx.external_data_helper.set_external_data(outside, location="../secret")
    path = export(foreign("dinov2"), tmp_path / "model.onnx", heads_after=[outside])
    with pytest.raises(ValueError, match="expected its values in this file"):
        read_weights(path)
