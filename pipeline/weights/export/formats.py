"""The formats of `mnemosyne export`: who writes each, imported when it is asked for."""

from __future__ import annotations

FORMATS = {
    # format: (module, function of a model and an existing folder, which returns notes)
    "huggingface": ("pipeline.weights.huggingface.folder", "write_hugging_face"),
    "google": ("pipeline.weights.google.folder", "write_google"),
    "onnx": ("pipeline.weights.serving.onnx_model", "write_onnx"),
    "savedmodel": ("pipeline.weights.serving.saved_model", "write_saved_model"),
}
