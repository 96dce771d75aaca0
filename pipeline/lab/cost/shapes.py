"""Variables of well-known models, by name and shape alone, and what an optimizer keeps for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from mnemosyne_tf import Structure
from mnemosyne_tf.parameter_roles import find_role, head_axis
from mnemosyne_tf.variable_plan import plan_variable
from models import BertConfig, BertPretrainer

Variables = list[tuple[str, tuple[int, ...]]]
VOCAB_SIZE = 30_522
# T5-XXL is frozen there; only the prompt, as wide as its embeddings, is trained.
PROMPT_TOKENS, T5_XXL_WIDTH = 100, 4096


def bert(size: str) -> Variables:
    """Variables of our BERT for pre-training, from the model itself; nothing is allocated."""
    features = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    with tf.Graph().as_default():
        model = BertPretrainer(BertConfig.named(size, vocab_size=VOCAB_SIZE))
        model({name: tf.zeros([1, 8], tf.int32) for name in features})
        return [(each.name, tuple(each.shape)) for each in model.trainable_variables]


def vision_transformer(
    *, layers: int = 36, width: int = 1280, patch: int = 14, tokens: int = 257, classes: int = 1000
) -> Variables:
    """Variables of ViT-H, Dosovitskiy et al. 2021, with the 36 layers of the paper's experiment."""
    names = ("query", "key", "value", "output")
    block = [(f"attention/{name}/kernel", (width, width)) for name in names]
    block += [(f"attention/{name}/bias", (width,)) for name in names]
    block += [("mlp_in/kernel", (width, 4 * width)), ("mlp_in/bias", (4 * width,))]
    block += [("mlp_out/kernel", (4 * width, width)), ("mlp_out/bias", (width,))]
    block += [(f"layer_norm_{i}/{part}", (width,)) for i in (0, 1) for part in ("gamma", "beta")]
    around = [("patches/kernel", (patch, patch, 3, width)), ("patches/bias", (width,))]
    around += [("class_embedding", (1, width)), ("position_embedding", (tokens, width))]
    around += [("layer_norm/gamma", (width,)), ("layer_norm/beta", (width,))]
    around += [("head/kernel", (width, classes)), ("head/bias", (classes,))]
    return [(f"layer_{i}/{name}", shape) for i in range(layers) for name, shape in block] + around


def soft_prompt() -> Variables:
    """The one variable of a soft prompt for T5-XXL, Lester et al. 2021."""
    return [("prompt_embedding", (PROMPT_TOKENS, T5_XXL_WIDTH))]


def num_weights(variables: Variables) -> int:
    """Coordinates of all variables."""
    return sum(math.prod(shape) for _, shape in variables)


def state_floats(variables: Variables, structure: Structure) -> int:
    """float32 numbers that Mnemosyne keeps, by the plans it would make, its memory included."""
    total = 2 * num_weights(variables)
    if structure.use_memory:
        for name, shape in variables:
            plan = _plan(name, shape, structure.chunk_size)
            total += plan.num_chunks * math.prod(structure.memory_shape)
    return total


def newton_schulz_flops(variables: Variables, *, iterations: int = 5) -> int:
    """Floating-point operations of the plain iteration on every kernel, as published."""
    total = 0
    for name, shape in variables:
        plan = _plan(name, shape, 1024)
        if plan.matrix_shape is not None:
            small, large = sorted(plan.matrix_shape)
            total += iterations * (4 * small**2 * large + 2 * small**3)
    return total


def training_step_flops(
    variables: Variables, config: BertConfig, *, tokens: int, seq_len: int, predictions: int
) -> int:
    """Of forward and backward pass: 6 a weight and token, attention, the decoder where it predicts.

    Embeddings are looked up, not multiplied; the decoder is tied to them.
    """
    kernels = [math.prod(shape) for name, shape in variables if "kernel" in name]
    attention = 12 * config.num_layers * config.hidden_dim * seq_len
    decoder = 6 * config.hidden_dim * config.vocab_size * predictions // seq_len
    return tokens * (6 * sum(kernels) + attention + decoder)


def counted(variables: Variables) -> list[tuple[str, tuple[int, ...], int]]:
    """One variable of each kind (path, shape, side of the heads), and how many there are of it."""
    kinds: dict = {}
    for name, shape in variables:
        side = head_axis(name, find_role(name, shape).role)
        path = _plan(name, shape, 1024).path
        key = (shape, (path, side), "kernel" in name or "embedding" in name)
        first, count = kinds.get(key, (name, 0))
        kinds[key] = (first, count + 1)
    return [(name, shape, count) for (shape, *_), (name, count) in kinds.items()]


def is_orthogonalised(name: str, shape: Sequence[int]) -> bool:
    """Whether a variable is on the matrix path."""
    return _plan(name, shape, 1024).matrix_shape is not None


def _plan(name: str, shape: Sequence[int], chunk_size: int):
    return plan_variable(
        name=name, shape=shape, chunk_size=chunk_size, decayed=True, orthogonalise=True
    )
