import json

import numpy as np
import pytest

from models.vit import ViTClassifier, ViTConfig
from pipeline.vision.weights.read import read_weights
from pipeline.vision.weights.vision_weights import HALF
from pipeline.vision.weights.vit_folder import save_vit_folder


@pytest.fixture
def saved(tmp_path):
    config = ViTConfig(
        patch_size=4, hidden_dim=8, num_layers=1, num_heads=2, intermediate_dim=16, image_size=8
    )
    model = ViTClassifier(config, 2)
    model(np.zeros((1, 8, 8, 3), np.float32))
    model.head.kernel.assign(np.random.default_rng(0).normal(size=(8, 2)))
    save_vit_folder(
        tmp_path / "model",
        model,
        normalisation=HALF,
        labels=("cat", "dog"),
        resolution=8,
        origin="random weights",
        metrics={"accuracy": 0.5},
    )
    return tmp_path / "model", model


def test_a_saved_model_comes_back(saved):
    folder, model = saved
    weights = read_weights(folder)
    assert (weights.labels, weights.config) == (("cat", "dog"), model.config)
    other = ViTClassifier(weights.config, 2)
    other(np.zeros((1, 8, 8, 3), np.float32))
    weights.load_into(other, with_head=True)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_folder_without_its_marker_is_not_finished(saved):
    folder, _ = saved
    (folder / "vit.json").unlink()
    with pytest.raises(ValueError, match="expected an .onnx file"):
        read_weights(folder)


def test_sizes_that_do_not_fit_are_named(saved):
    folder, _ = saved
    config = json.loads((folder / "vit_config.json").read_text())
    (folder / "vit_config.json").write_text(json.dumps({**config, "num_layers": 2}))
    with pytest.raises(ValueError, match="tensor encoder/layer_1/.*received None"):
        read_weights(folder)
