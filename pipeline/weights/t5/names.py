"""The names of Hugging Face's T5, kernels `[outputs, inputs]`, and the shape of every tensor.

Source: huggingface/transformers, modeling_t5.py, as `save_pretrained` names the tensors.
"""

from __future__ import annotations

from collections.abc import Iterator

from models.t5 import T5Config
from pipeline.weights.name_map import SAME, TRANSPOSED, NameMap
from pipeline.weights.tensors import Shape

STACKS = ("encoder", "decoder")
_FEED_FORWARD = {"gate_proj": "wi_0", "up_proj": "wi_1", "down_proj": "wo"}
_HEADS = {"query": "q", "key": "k", "value": "v", "output": "o"}
# Stored once more by older versions: both stacks read the shared table.
COPIES = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")


def _rows():
    yield "word_embeddings", ("shared.weight", SAME)
    yield "lm_head/kernel", ("lm_head.weight", TRANSPOSED)
    for stack in STACKS:
        first = f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        yield f"{stack}/relative_positions/embeddings", (first, SAME)
        yield f"{stack}/final_norm/gamma", (f"{stack}.final_layer_norm.weight", SAME)
        ours, theirs = f"{stack}/layer_{{i}}/", f"{stack}.block.{{i}}.layer."
        yield from _attention(f"{ours}attention", f"{theirs}0", "SelfAttention")
        if stack == "decoder":
            yield from _attention(f"{ours}cross_attention", f"{theirs}1", "EncDecAttention")
        last = f"{theirs}{2 if stack == 'decoder' else 1}"
        yield f"{ours}feed_forward_norm/gamma", (f"{last}.layer_norm.weight", SAME)
        for name, their_name in _FEED_FORWARD.items():
            their_path = f"{last}.DenseReluDense.{their_name}.weight"
            yield f"{ours}feed_forward/{name}/kernel", (their_path, TRANSPOSED)


def _attention(ours: str, theirs: str, layer: str):
    yield f"{ours}_norm/gamma", (f"{theirs}.layer_norm.weight", SAME)
    for name, their_name in _HEADS.items():
        yield f"{ours}/{name}/kernel", (f"{theirs}.{layer}.{their_name}.weight", TRANSPOSED)


T5_NAMES = NameMap("Hugging Face T5", dict(_rows()))


def t5_shapes(config: T5Config) -> Iterator[tuple[str, Shape]]:
    """Yields path and shape of every variable of a `T5`, one by one."""
    hidden, heads = config.hidden_dim, config.num_heads * config.head_dim
    yield "word_embeddings", (config.vocab_size, hidden)
    yield "lm_head/kernel", (hidden, config.vocab_size)
    numbers = (config.num_layers, config.num_decoder_layers)
    for stack, layers in zip(STACKS, numbers, strict=True):
        yield f"{stack}/relative_positions/embeddings", (config.num_buckets, config.num_heads)
        yield f"{stack}/final_norm/gamma", (hidden,)
        attentions = ("attention", "cross_attention")[: 2 if stack == "decoder" else 1]
        for block in (f"{stack}/layer_{i}" for i in range(layers)):
            for name in (*attentions, "feed_forward"):
                yield f"{block}/{name}_norm/gamma", (hidden,)
            for name in attentions:
                for part in ("query", "key", "value"):
                    yield f"{block}/{name}/{part}/kernel", (hidden, heads)
                yield f"{block}/{name}/output/kernel", (heads, hidden)
            for part in ("gate_proj", "up_proj"):
                shape = (hidden, config.intermediate_dim)
                yield f"{block}/feed_forward/{part}/kernel", shape
            yield f"{block}/feed_forward/down_proj/kernel", (config.intermediate_dim, hidden)
