"""The names of Hugging Face's BERT: of PyTorch, with kernels `[outputs, inputs]`, and of Keras.

Source: huggingface/transformers, modeling_bert.py and (until 4.57) modeling_tf_bert.py, as
`save_pretrained` names the tensors.
"""

from __future__ import annotations

from pipeline.weights.name_map import SAME, TRANSPOSED, NameMap


def _rows():
    for ours, theirs in (("word", "word"), ("position", "position"), ("segment", "token_type")):
        yield (
            f"encoder/embeddings/{ours}_embeddings",
            (f"bert.embeddings.{theirs}_embeddings.weight", SAME),
        )
    yield from _norm("encoder/embeddings/layer_norm", "bert.embeddings.LayerNorm")
    ours, theirs = "encoder/layer_{i}/", "bert.encoder.layer.{i}."
    for name in ("query", "key", "value"):
        yield from _dense(f"{ours}attention/{name}", f"{theirs}attention.self.{name}")
    yield from _dense(f"{ours}attention/output", f"{theirs}attention.output.dense")
    yield from _norm(f"{ours}attention_layer_norm", f"{theirs}attention.output.LayerNorm")
    yield from _dense(f"{ours}intermediate", f"{theirs}intermediate.dense")
    yield from _dense(f"{ours}output", f"{theirs}output.dense")
    yield from _norm(f"{ours}output_layer_norm", f"{theirs}output.LayerNorm")
    yield from _dense("encoder/pooler", "bert.pooler.dense")
    yield from _dense("masked_lm_head/transform", "cls.predictions.transform.dense")
    yield from _norm("masked_lm_head/layer_norm", "cls.predictions.transform.LayerNorm")
    yield "masked_lm_head/output_bias", ("cls.predictions.bias", SAME)
    yield from _dense("next_sentence_head", "cls.seq_relationship")
    yield from _dense("head", "classifier")


def _dense(ours: str, theirs: str):
    yield f"{ours}/kernel", (f"{theirs}.weight", TRANSPOSED)
    yield f"{ours}/bias", (f"{theirs}.bias", SAME)


def _norm(ours: str, theirs: str):
    yield f"{ours}/gamma", (f"{theirs}.weight", SAME)
    yield f"{ours}/beta", (f"{theirs}.bias", SAME)


def _rows_of_keras():
    for path, (name, layout) in _rows():
        is_kernel = layout == TRANSPOSED
        yield path, (name.removesuffix("weight") + "kernel" if is_kernel else name, SAME)


HUGGING_FACE = NameMap("Hugging Face", dict(_rows()))
# Under the names that `huggingface.tensors` gives them.
HUGGING_FACE_KERAS = NameMap("Hugging Face", dict(_rows_of_keras()))
