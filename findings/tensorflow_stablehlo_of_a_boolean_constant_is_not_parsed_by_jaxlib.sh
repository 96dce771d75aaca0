#!/usr/bin/env bash
# TensorFlow 2.21 writes a StableHLO constant of booleans with a bit each, jaxlib 0.10.2 reads one with a byte each.
#
# Versions:   tensorflow 2.21.0, jax and jaxlib 0.10.2, numpy 2.3.5, CPU.
# Expected:   the text of `experimental_get_compiler_ir(stage="stablehlo")` is read by the StableHLO parser of a jaxlib
#             that is newer: both are built from the same MLIR, and programs of TensorFlow may then be compiled for what
#             JAX knows, a TPU topology without a TPU among them.
# Seen:       a constant of more than 100 booleans that are not all the same is printed in hexadecimal digits. 128
#             booleans take 16 bytes in TensorFlow's text; the parser wants 128 and refuses the module:
#                 tensorflow    dense<"0x49922449922449922449922449922449"> : tensor<128xi1>
#                 jaxlib        elements hex data size is invalid for provided type: 'tensor<128xi1>'
#                 a byte each   parses
#             Causal and block-diagonal masks of attention are such constants; shorter ones are lists of words and pass.
# Remedy:     write the digits again with a byte a boolean (lowest bit first), as the third line does, or compute
#             the mask in the program from `tf.range`, so that it is no constant.
#
# Makes an environment in a temporary folder, runs the program below, fails if the output changes.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet tensorflow==2.21.0 jax==0.10.2 jaxlib==0.10.2 numpy==2.3.5

cat > "$folder/program.py" <<'PROGRAM'
import re

import numpy as np
import tensorflow as tf
from jax._src.interpreters import mlir
from jaxlib.mlir import ir

MASK = np.arange(128) % 3 == 0


@tf.function(jit_compile=True)
def masked(x):
    return tf.where(MASK, x, 0.0)


text = masked.experimental_get_compiler_ir(tf.ones([128]))(stage="stablehlo")
(constant,) = re.findall(r'dense<"0x\w+"> : tensor<128xi1>', text)
print("tensorflow   ", constant)
with mlir.make_ir_context():
    try:
        ir.Module.parse(text)
        print("jaxlib        parses")
    except ir.MLIRError as error:
        print("jaxlib       ", re.search("elements hex .*", str(error))[0])
    a_byte_each = f'dense<"0x{MASK.astype(np.uint8).tobytes().hex().upper()}"> : tensor<128xi1>'
    ir.Module.parse(text.replace(constant, a_byte_each))
    print("a byte each   parses")
PROGRAM

output="$(JAX_PLATFORMS=cpu TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/program.py" 2>"$folder/log")" || {
  cat "$folder/log" >&2
  exit 1
}
echo "$output"
expected="tensorflow    dense<\"0x49922449922449922449922449922449\"> : tensor<128xi1>
jaxlib        elements hex data size is invalid for provided type: 'tensor<128xi1>'
a byte each   parses"
if [ "$output" = "$expected" ]; then
  echo "as recorded"
else
  echo "changed: see the head of this file for what was seen" >&2
  exit 1
fi
