#!/usr/bin/env bash
# tf2onnx 1.17: `tf.where(condition, a, b)` becomes arithmetic, and an infinity that was not chosen gives NaN.
#
# Versions:   tensorflow 2.21.0, tf2onnx 1.17.0, onnx 1.20.0, onnxruntime 1.23.2; opset 17, CPU.
# Expected:   the ONNX model gives what the TensorFlow function gives. For x = [1, 100] and a condition of
#             [true, false], tf.where(condition, exp(x), 0) is [2.7182817, 0]: exp(100) is infinite in
#             float32, and is not chosen.
# Seen:       the converter writes no `Where` node. The graph casts the condition to 0 and 1 and computes
#             condition * exp(x) + (1 - condition) * 0, so the second element is 0 * inf = NaN, without a
#             message:
#                 tensorflow   [2.7182817, 0.0]
#                 onnx         [2.7182817, nan]   Where nodes: 0
#             A masked softmax written so, as in attention, is NaN wherever a masked score is large.
# Remedy:     choose before the operation that overflows: exp(where(condition, x, -inf)).
#
# Makes an environment in a temporary folder, runs the program below, fails if the output changes.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet tensorflow==2.21.0 tf2onnx==1.17.0 onnx==1.20.0 onnxruntime==1.23.2

cat > "$folder/program.py" <<'PROGRAM'
import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

signature = [tf.TensorSpec([2], tf.float32, "x"), tf.TensorSpec([2], tf.bool, "condition")]


@tf.function(input_signature=signature)
def chosen(x, condition):
    return tf.where(condition, tf.exp(x), 0.0)


inputs = {"x": np.array([1.0, 100.0], np.float32), "condition": np.array([True, False])}
model, _ = tf2onnx.convert.from_function(chosen, signature, opset=17)
session = onnxruntime.InferenceSession(model.SerializeToString())
nodes = sum(node.op_type == "Where" for node in model.graph.node)
print("tensorflow  ", chosen(**inputs).numpy().tolist())
print("onnx        ", session.run(None, inputs)[0].tolist(), "  Where nodes:", nodes)
PROGRAM

output="$(TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2>"$folder/log")" || {
  cat "$folder/log" >&2
  exit 1
}
echo "$output"
expected="tensorflow   [2.7182817459106445, 0.0]
onnx         [2.7182817459106445, nan]   Where nodes: 0"
if [ "$output" = "$expected" ]; then
  echo "as recorded"
else
  echo "changed: see the head of this file for what was seen" >&2
  exit 1
fi
