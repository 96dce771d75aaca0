"""An ONNX file gives what the model gives; without its extra, one sentence says what to install."""

import sys

import numpy as np
import pytest

from models import BertClassifier
from pipeline.weights.export.export_model import export_model
from pipeline.weights.model_folder import load_weights, read_model_folder

# Layer-normalised outputs are of order 1; a few hundred float32 operations in another order.
ERROR = 300 * np.finfo(np.float32).eps


@pytest.mark.slow
def test_logits_are_those_of_the_model_at_any_size(saved, tmp_path):
    pytest.importorskip("tf2onnx", reason="the extra onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    folder = read_model_folder(saved("classifier"))
    export_model(folder.path, tmp_path / "onnx", "onnx")
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    model = BertClassifier(folder.config, 3)
    for batch, width in ((3, 7), (1, 12)):
        ids = np.random.default_rng(width).integers(5, 15, (batch, width)).astype(np.int32)
        mask = (np.arange(width) < width - np.arange(batch)[:, None]).astype(np.int32)
        features = {"input_ids": ids, "input_mask": mask, "segment_ids": mask * 0}
        model(features)
        load_weights(folder, model)
        (logits,) = session.run(["logits"], features)
        np.testing.assert_allclose(logits, model(features), atol=ERROR * np.abs(logits).max())
    assert (tmp_path / "onnx" / "tokenizer.json").is_file()


def test_a_missing_converter_is_named(saved, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ValueError, match=r"pip install 'mnemosyne-bert\[onnx\]'"):
        export_model(saved("encoder"), tmp_path / "onnx", "onnx")
    assert not (tmp_path / "onnx").exists()
