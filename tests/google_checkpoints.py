"""Little checkpoints as google-research/bert left them: their variables, and the Saver of TF1."""

import json

import numpy as np
import tensorflow as tf

CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "directionality": "bidi",
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 8,
    "initializer_range": 0.02,
    "intermediate_size": 16,
    "max_position_embeddings": 12,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "type_vocab_size": 2,
    "vocab_size": 15,
}
LAYER = "bert/encoder/layer_0/"
# Names and shapes of the variables that run_pretraining.py makes.
SHAPES = {
    "bert/embeddings/word_embeddings": (15, 8),
    "bert/embeddings/token_type_embeddings": (2, 8),
    "bert/embeddings/position_embeddings": (12, 8),
    "bert/embeddings/LayerNorm/gamma": (8,),
    "bert/embeddings/LayerNorm/beta": (8,),
    f"{LAYER}attention/self/query/kernel": (8, 8),
    f"{LAYER}attention/self/query/bias": (8,),
    f"{LAYER}attention/self/key/kernel": (8, 8),
    f"{LAYER}attention/self/key/bias": (8,),
    f"{LAYER}attention/self/value/kernel": (8, 8),
    f"{LAYER}attention/self/value/bias": (8,),
    f"{LAYER}attention/output/dense/kernel": (8, 8),
    f"{LAYER}attention/output/dense/bias": (8,),
    f"{LAYER}attention/output/LayerNorm/gamma": (8,),
    f"{LAYER}attention/output/LayerNorm/beta": (8,),
    f"{LAYER}intermediate/dense/kernel": (8, 16),
    f"{LAYER}intermediate/dense/bias": (16,),
    f"{LAYER}output/dense/kernel": (16, 8),
    f"{LAYER}output/dense/bias": (8,),
    f"{LAYER}output/LayerNorm/gamma": (8,),
    f"{LAYER}output/LayerNorm/beta": (8,),
    "bert/pooler/dense/kernel": (8, 8),
    "bert/pooler/dense/bias": (8,),
    "cls/predictions/transform/dense/kernel": (8, 8),
    "cls/predictions/transform/dense/bias": (8,),
    "cls/predictions/transform/LayerNorm/gamma": (8,),
    "cls/predictions/transform/LayerNorm/beta": (8,),
    "cls/predictions/output_bias": (15,),
    "cls/seq_relationship/output_weights": (2, 8),
    "cls/seq_relationship/output_bias": (2,),
}
CLASSIFIER = {
    **{name: shape for name, shape in SHAPES.items() if name.startswith("bert/")},
    "output_weights": (3, 8),
    "output_bias": (3,),
}
STATE = {
    "global_step": (),
    "bert/pooler/dense/bias/adam_m": (8,),
    "bert/pooler/dense/bias/adam_v": (8,),
}


def random_values(shapes):
    """Returns an array for every name."""
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def save_as_tf1(prefix, values):
    """Saves with the Saver of TF1, as google-research/bert did."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [
            tf.compat.v1.get_variable(name, initializer=value) for name, value in values.items()
        ]
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(variables)
        saver.save(session, str(prefix), write_meta_graph=False, write_state=False)


def write_folder(folder, vocabulary):
    """Writes configuration and vocabulary, without a checkpoint; returns the folder."""
    folder.mkdir()
    (folder / "bert_config.json").write_text(json.dumps(CONFIG))
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    return folder
