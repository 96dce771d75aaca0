"""The names of TensorFlow Model Garden's BERT, whose attention has an axis for its heads.

Source: tensorflow/models, official/nlp/tools/tf1_bert_checkpoint_converter_lib.py, the names and
shapes of version 2; official/nlp/modeling/networks/bert_encoder.py.
"""

from __future__ import annotations

from pipeline.weights.name_map import FROM_HEADS, SAME, TO_HEADS, NameMap


def _rows():
    yield "encoder/embeddings/word_embeddings", ("word_embeddings/embeddings", SAME)
    yield "encoder/embeddings/position_embeddings", ("position_embedding/embeddings", SAME)
    yield "encoder/embeddings/segment_embeddings", ("type_embeddings/embeddings", SAME)
    yield from _norm("encoder/embeddings/layer_norm", "embeddings/layer_norm")
    ours, theirs = "encoder/layer_{i}/", "transformer/layer_{i}/"
    for name in ("query", "key", "value"):
        yield f"{ours}attention/{name}/kernel", (f"{theirs}self_attention/{name}/kernel", TO_HEADS)
        yield f"{ours}attention/{name}/bias", (f"{theirs}self_attention/{name}/bias", TO_HEADS)
    joined = f"{theirs}self_attention/attention_output"
    yield f"{ours}attention/output/kernel", (f"{joined}/kernel", FROM_HEADS)
    yield f"{ours}attention/output/bias", (f"{joined}/bias", SAME)
    yield from _norm(f"{ours}attention_layer_norm", f"{theirs}self_attention_layer_norm")
    yield from _dense(f"{ours}intermediate", f"{theirs}intermediate")
    yield from _dense(f"{ours}output", f"{theirs}output")
    yield from _norm(f"{ours}output_layer_norm", f"{theirs}output_layer_norm")
    yield from _dense("encoder/pooler", "pooler_transform")
    yield from _dense("masked_lm_head/transform", "cls/predictions/transform/dense")
    yield from _norm("masked_lm_head/layer_norm", "cls/predictions/transform/LayerNorm")
    yield "masked_lm_head/output_bias", ("cls/predictions/output_bias/bias", SAME)
    # The converter turns the kernel of the next-sentence head round, so that it is one of Keras.
    yield from _dense("next_sentence_head", "predictions/transform/logits")


def _dense(ours: str, theirs: str):
    yield f"{ours}/kernel", (f"{theirs}/kernel", SAME)
    yield f"{ours}/bias", (f"{theirs}/bias", SAME)


def _norm(ours: str, theirs: str):
    yield f"{ours}/gamma", (f"{theirs}/gamma", SAME)
    yield f"{ours}/beta", (f"{theirs}/beta", SAME)


MODEL_GARDEN = NameMap("TensorFlow Model Garden", dict(_rows()))
