"""An ONNX file of a model: ids in, logits or hidden states out, any batch and any length.

The tokenizer's files are in the same folder; operations of tensorflow-text have no ONNX form.
"""

from __future__ import annotations

import pathlib

import tensorflow as tf

from pipeline.weights.huggingface.tokenizer import write_tokenizer
from pipeline.weights.serving.network import serving_network
from pipeline.weights.tensors import CLASSIFIER
from pipeline.weights.travelling_model import TravellingModel

FILE = "model.onnx"
_OPSET = 17  # the first with one operation for a layer norm; of 2022
_INPUTS = ("input_ids", "input_mask", "segment_ids")


def write_onnx(model: TravellingModel, folder: pathlib.Path) -> tuple[str, ...]:
    """Writes `model.onnx` and the tokenizer's files.

    Inputs: int32 `input_ids`, `input_mask` and `segment_ids`, each `[batch, seq_len]`.
    Outputs: of a classifier `logits` `[batch, classes]`; of any other model `sequence_output`
    `[batch, seq_len, hidden]` and `pooled_output` `[batch, hidden]`.

    Args:
      model: any kind.
      folder: exists.

    Returns:
      Notes on what is left to the caller.

    Raises:
      ValueError: the converter is not installed.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise ValueError(
            "--format onnx: expected the package tf2onnx, which is not installed. "
            "pip install 'mnemosyne-bert[onnx]'"
        ) from error
    network = serving_network(model)
    is_classifier = model.description.kind == CLASSIFIER
    signature = [tf.TensorSpec([None, None], tf.int32, name) for name in _INPUTS]

    @tf.function(input_signature=signature)
    def forward(*features):
        outputs = network(dict(zip(_INPUTS, features, strict=True)))
        if is_classifier:
            return {"logits": outputs}
        return dict(zip(("sequence_output", "pooled_output"), outputs, strict=True))

    tf2onnx.convert.from_function(
        forward, input_signature=signature, opset=_OPSET, output_path=str(folder / FILE)
    )
    longest = model.config.max_position_embeddings
    write_tokenizer(folder, model.vocabulary, do_lower_case=model.do_lower_case, max_length=longest)
    return ("ids in: the tokenizer's files are next to model.onnx",)
