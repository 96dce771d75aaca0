"""Folders as `save_pretrained` of transformers 4.57 writes them; the names are literals."""

import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

CONFIG = {
    "architectures": ["BertForPreTraining"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "initializer_range": 0.02,
    "intermediate_size": 16,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 12,
    "model_type": "bert",
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 15,
}
ENCODER = {
    "embeddings.word_embeddings.weight": (15, 8),
    "embeddings.position_embeddings.weight": (12, 8),
    "embeddings.token_type_embeddings.weight": (2, 8),
    "embeddings.LayerNorm.weight": (8,),
    "embeddings.LayerNorm.bias": (8,),
    "encoder.layer.0.attention.self.query.weight": (8, 8),
    "encoder.layer.0.attention.self.query.bias": (8,),
    "encoder.layer.0.attention.self.key.weight": (8, 8),
    "encoder.layer.0.attention.self.key.bias": (8,),
    "encoder.layer.0.attention.self.value.weight": (8, 8),
    "encoder.layer.0.attention.self.value.bias": (8,),
    "encoder.layer.0.attention.output.dense.weight": (8, 8),
    "encoder.layer.0.attention.output.dense.bias": (8,),
    "encoder.layer.0.attention.output.LayerNorm.weight": (8,),
    "encoder.layer.0.attention.output.LayerNorm.bias": (8,),
    "encoder.layer.0.intermediate.dense.weight": (16, 8),
    "encoder.layer.0.intermediate.dense.bias": (16,),
    "encoder.layer.0.output.dense.weight": (8, 16),
    "encoder.layer.0.output.dense.bias": (8,),
    "encoder.layer.0.output.LayerNorm.weight": (8,),
    "encoder.layer.0.output.LayerNorm.bias": (8,),
}
POOLER = {"pooler.dense.weight": (8, 8), "pooler.dense.bias": (8,)}
MASKED_LM = {
    "cls.predictions.bias": (15,),
    "cls.predictions.transform.dense.weight": (8, 8),
    "cls.predictions.transform.dense.bias": (8,),
    "cls.predictions.transform.LayerNorm.weight": (8,),
    "cls.predictions.transform.LayerNorm.bias": (8,),
}
NEXT_SENTENCE = {"cls.seq_relationship.weight": (2, 8), "cls.seq_relationship.bias": (2,)}
CLASSIFIER = {"classifier.weight": (3, 8), "classifier.bias": (3,)}
WORDS = ["the", "cat", "sat", "on", "mat", "##s", "un", "##able", "dog", "run"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]


def _below_bert(shapes):
    return {f"bert.{name}": shape for name, shape in shapes.items()}


SHAPES = {
    "BertModel": {**ENCODER, **POOLER},
    "BertForPreTraining": {**_below_bert({**ENCODER, **POOLER}), **MASKED_LM, **NEXT_SENTENCE},
    "BertForMaskedLM": {**_below_bert(ENCODER), **MASKED_LM},
    "BertForSequenceClassification": {**_below_bert({**ENCODER, **POOLER}), **CLASSIFIER},
}

# The names of TFBertForPreTraining of transformers 4.57, where they are not those above with
# slashes; kernels are `[inputs, outputs]`.
_LAYER, _HEAD = "bert/encoder/layer_._0/", "mlm___cls/predictions/"
OF_KERAS = {
    "bert.embeddings.word_embeddings.weight": "bert/embeddings/word_embeddings/weight:0",
    "bert.embeddings.token_type_embeddings.weight": (
        "bert/embeddings/token_type_embeddings/embeddings:0"
    ),
    "bert.encoder.layer.0.intermediate.dense.weight": f"{_LAYER}intermediate/dense/kernel:0",
    "cls.predictions.bias": f"{_HEAD}bias:0",
    "cls.predictions.transform.LayerNorm.weight": f"{_HEAD}transform/LayerNorm/gamma:0",
    "cls.seq_relationship.weight": "nsp___cls/seq_relationship/kernel:0",
}


def name_of_keras(name):
    """The name of a tensor of BertForPreTraining in the file of TFBertForPreTraining."""
    name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
    name = name.replace("LayerNorm.bias", "LayerNorm.beta")
    name = name.replace("type_embeddings.weight", "type_embeddings.embeddings")
    name = name.replace("position_embeddings.weight", "position_embeddings.embeddings")
    if name.endswith(".weight") and "word_embeddings" not in name:
        name = name.removesuffix("weight") + "kernel"
    head = {"cls.p": "mlm___", "cls.s": "nsp___"}.get(name[:5], "")
    return head + name.replace(".", "/").replace("layer/", "layer_._") + ":0"


def random_tensors(architecture):
    rng = np.random.default_rng(5)
    shapes = SHAPES[architecture].items()
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes}


def write_folder(folder, architecture, tensors=None, **settings):
    """Writes a folder; returns its tensors by name."""
    folder = pathlib.Path(folder)
    folder.mkdir()
    tensors = random_tensors(architecture) if tensors is None else tensors
    config = {**CONFIG, "architectures": [architecture], **settings}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return tensors


def shard(folder, tensors, **renamed):
    """Splits `model.safetensors` in two; `renamed` replaces a file's name in the index."""
    names = sorted(tensors)
    halves = {"a.safetensors": names[:9], "b.safetensors": names[9:]}
    weight_map = {}
    for file, of_file in halves.items():
        save_file({name: tensors[name] for name in of_file}, folder / file)
        listed = renamed.get(file[0], file)
        weight_map |= dict.fromkeys(of_file, listed)
    (folder / "model.safetensors").unlink()
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
