"""The operations of a training step -> the part of the step that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipeline.lab.train_speed.trace import Operation

PRODUCTS, ATTENTION, BLOCKS, HEADS = "matrix products", "attention", "blocks", "heads and loss"
SCATTER, OPTIMIZER, OTHER = "embedding scatter", "optimizer", "other"
PARTS = {
    PRODUCTS: "of dense layers and of the decoder, forward and backward",
    ATTENTION: "products of queries, keys and values with each other, and their transpositions",
    BLOCKS: "what lies between products: norms, GELU, softmax, dropout, sums",
    HEADS: "softmax cross-entropy over the vocabulary, accuracy",
    SCATTER: "gradients of gathered rows",
    OPTIMIZER: "clipping and update",
    OTHER: "the executor, input, reading of variables",
}
_OPTIMIZER = re.compile(r"(^|/)(AdamW|Mnemosyne|[a-z_]*optimizer|(clip_by_)?global_norm)(_\d+)?/")
# Functions compiled by themselves: of AdamW, of Mnemosyne (two), of both.
_OPTIMIZER_PROGRAMS = {"_adam", "in_place", "with_constants", "all_finite"}
_HEADS_PROGRAMS = {"_sums", "_logit_gradients"}
_HEADS = re.compile(r"SoftmaxCrossEntropy|ArgMax|masked_lm_head|next_sentence")
_PRODUCT = re.compile(r"MatMul|Einsum")
_SCATTER = re.compile(r"Scatter|UnsortedSegmentSum", re.IGNORECASE)


def part_of(operation: Operation) -> str:
    """Returns the part, a key of `PARTS`."""
    path, op_type = operation.path, operation.op_type
    if operation.program in _OPTIMIZER_PROGRAMS or _OPTIMIZER.search(path):
        return OPTIMIZER
    if _SCATTER.search(op_type) or operation.opcode == "scatter":
        return SCATTER
    if _PRODUCT.search(op_type) or operation.opcode == "dot":
        batched = "BatchMatMul" in op_type or ("Einsum" in op_type and "masked_lm" not in path)
        return ATTENTION if batched else PRODUCTS
    if operation.program in _HEADS_PROGRAMS or _HEADS.search(f"{path} {op_type}"):
        return HEADS
    # XLA leaves some of its own instructions without a path: bits of dropout, cut reductions.
    return BLOCKS if operation.opcode or "encoder/" in path else OTHER


def seconds_by_part(operations: Iterable[Operation]) -> dict[str, float]:
    """Returns the seconds of a step by part, all of `PARTS`."""
    seconds = dict.fromkeys(PARTS, 0.0)
    for operation in operations:
        seconds[part_of(operation)] += operation.seconds
    return seconds
