"""The names of google-research/bert's TF1 checkpoints.

Source: google-research/bert, modeling.py, run_pretraining.py, run_classifier.py.
"""

from __future__ import annotations

from pipeline.weights.name_map import SAME, TRANSPOSED, NameMap


def _rows():
    for ours, theirs in (("word", "word"), ("position", "position"), ("segment", "token_type")):
        yield (
            f"encoder/embeddings/{ours}_embeddings",
            (f"bert/embeddings/{theirs}_embeddings", SAME),
        )
    yield from _norm("encoder/embeddings/layer_norm", "bert/embeddings/LayerNorm")
    ours, theirs = "encoder/layer_{i}/", "bert/encoder/layer_{i}/"
    for name in ("query", "key", "value"):
        yield from _dense(f"{ours}attention/{name}", f"{theirs}attention/self/{name}")
    yield from _dense(f"{ours}attention/output", f"{theirs}attention/output/dense")
    yield from _norm(f"{ours}attention_layer_norm", f"{theirs}attention/output/LayerNorm")
    yield from _dense(f"{ours}intermediate", f"{theirs}intermediate/dense")
    yield from _dense(f"{ours}output", f"{theirs}output/dense")
    yield from _norm(f"{ours}output_layer_norm", f"{theirs}output/LayerNorm")
    yield from _dense("encoder/pooler", "bert/pooler/dense")
    yield from _dense("masked_lm_head/transform", "cls/predictions/transform/dense")
    yield from _norm("masked_lm_head/layer_norm", "cls/predictions/transform/LayerNorm")
    yield "masked_lm_head/output_bias", ("cls/predictions/output_bias", SAME)
    # The two kernels that Google holds as [outputs, inputs].
    yield "next_sentence_head/kernel", ("cls/seq_relationship/output_weights", TRANSPOSED)
    yield "next_sentence_head/bias", ("cls/seq_relationship/output_bias", SAME)
    yield "head/kernel", ("output_weights", TRANSPOSED)
    yield "head/bias", ("output_bias", SAME)


def _dense(ours: str, theirs: str):
    yield f"{ours}/kernel", (f"{theirs}/kernel", SAME)
    yield f"{ours}/bias", (f"{theirs}/bias", SAME)


def _norm(ours: str, theirs: str):
    yield f"{ours}/gamma", (f"{theirs}/gamma", SAME)
    yield f"{ours}/beta", (f"{theirs}/beta", SAME)


GOOGLE = NameMap("google-research/bert", dict(_rows()))
