#!/usr/bin/env python
"""Fine-tunes a Hugging Face folder with that library's own loop, for a comparison of scores.

    python -m venv peers/hf_tf
    peers/hf_tf/bin/pip install 'transformers<5' tensorflow tf-keras scikit-learn scipy
    TF_USE_LEGACY_KERAS=1 peers/hf_tf/bin/python tests/hugging_face_glue.py \\
        --model FOLDER --glue_dir GLUE --tasks STS-B MRPC

The settings are those of `mnemosyne glue` with AdamW: batches of 32, linear warm-up over a tenth of
the steps and linear decay, decoupled weight decay of 0.01 without biases and norms, dropout of 0.1,
and scores regressed on [-1, 1]. Prints the score of each seed on the dev set, the mean and the
standard deviation. Nothing of this project is imported. Not part of CI.
"""

import argparse
import csv
import pathlib

import numpy as np
import tensorflow as tf
from safetensors.tensorflow import load_file
from scipy import stats
from sklearn import metrics
from transformers import (
    AutoConfig,
    AutoTokenizer,
    TFAutoModelForSequenceClassification,
    create_optimizer,
)
from transformers.modeling_tf_pytorch_utils import load_pytorch_state_dict_in_tf2_model


def f1_and_accuracy(labels, answers):
    """Their mean, the score of MRPC."""
    return (metrics.f1_score(labels, answers) + metrics.accuracy_score(labels, answers)) / 2


def pearson_and_spearman(labels, scores):
    """Their mean, the score of STS-B."""
    return (stats.pearsonr(labels, scores)[0] + stats.spearmanr(labels, scores)[0]) / 2


# Columns of the texts, column of the label, its values (None: scores from 0 to 5), the metric.
TASKS = {
    "CoLA": ((3,), 1, ("0", "1"), metrics.matthews_corrcoef),
    "MRPC": ((3, 4), 0, ("0", "1"), f1_and_accuracy),
    "RTE": ((1, 2), 3, ("entailment", "not_entailment"), metrics.accuracy_score),
    "STS-B": ((7, 8), 9, None, pearson_and_spearman),
    "WNLI": ((1, 2), 3, ("0", "1"), metrics.accuracy_score),
}


def read(folder, task, split):
    """Texts, one list a segment, and labels; only CoLA has no header."""
    columns, label, values, _ = TASKS[task]
    with open(pathlib.Path(folder) / task / f"{split}.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = rows if task == "CoLA" else rows[1:]
    labels = [
        float(row[label]) / 2.5 - 1.0 if values is None else values.index(row[label])
        for row in rows
    ]
    return [[row[column] for row in rows] for column in columns], np.array(labels)


def batches(tokenizer, texts, labels, length, order):
    """Batches of 32, each as wide as its longest row."""
    for start in range(0, len(order), 32):
        chosen = order[start : start + 32]
        segments = [[texts_of[row] for row in chosen] for texts_of in texts]
        encoded = tokenizer(
            *segments, truncation=True, max_length=length, padding=True, return_tensors="np"
        )
        yield dict(encoded), labels[chosen]


def pretrained(folder, num_labels):
    """The classifier with a new head.

    `from_pretrained` of the last release with TensorFlow fails on safetensors of PyTorch's layout
    ("safe_open object is not iterable", transformers issue 40028), so they are handed over here.
    """
    config = AutoConfig.from_pretrained(
        folder, num_labels=num_labels, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1
    )
    model = TFAutoModelForSequenceClassification.from_config(config)
    weights = load_file(pathlib.Path(folder) / "model.safetensors")
    weights.pop("embeddings.position_ids", None)
    return load_pytorch_state_dict_in_tf2_model(model, weights, allow_missing_keys=True)


def fine_tune(arguments, task, seed):
    """Returns the score on the dev set after the last epoch."""
    tf.keras.utils.set_random_seed(seed)
    values, metric = TASKS[task][2:]
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = pretrained(arguments.model, len(values or "1"))
    texts, labels = read(arguments.glue_dir, task, "train")
    if arguments.max_train_examples < len(labels):
        chosen = np.random.default_rng(seed).permutation(len(labels))[
            : arguments.max_train_examples
        ]
        texts, labels = [[column[row] for row in chosen] for column in texts], labels[chosen]
    steps = int(len(labels) * arguments.num_train_epochs / 32)
    optimizer, _ = create_optimizer(
        arguments.learning_rate, steps, round(0.1 * steps), weight_decay_rate=0.01
    )

    @tf.function(reduce_retracing=True)
    def train_step(features, targets):
        with tf.GradientTape() as tape:
            logits = model(features, training=True).logits
            if values is None:
                loss = tf.reduce_mean(tf.square(logits[:, 0] - tf.cast(targets, tf.float32)))
            else:
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
                loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        pairs = zip(gradients, model.trainable_variables, strict=True)
        optimizer.apply_gradients([pair for pair in pairs if pair[0] is not None])

    random, done = np.random.default_rng(seed), 0
    while done < steps:
        order = random.permutation(len(labels))
        for features, targets in batches(tokenizer, texts, labels, arguments.length, order):
            if done < steps and len(targets) == 32:
                train_step({name: tf.constant(each) for name, each in features.items()}, targets)
                done += 1
    texts, labels = read(arguments.glue_dir, task, "dev")
    dev = batches(tokenizer, texts, labels, arguments.length, np.arange(len(labels)))
    logits = np.concatenate([model(features, training=False).logits for features, _ in dev])
    return metric(labels, logits[:, 0] if values is None else logits.argmax(-1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="a Hugging Face folder of a BERT")
    parser.add_argument("--glue_dir", required=True, help="folder of the official task folders")
    parser.add_argument("--tasks", nargs="+", default=["STS-B", "MRPC"], choices=TASKS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--num_train_epochs", type=float, default=3.0)
    parser.add_argument("--max_train_examples", type=int, default=10**9)
    parser.add_argument("--learning_rate", type=float, default=1e-4)
    parser.add_argument("--length", type=int, default=128, help="tokens of the longest row")
    arguments = parser.parse_args()
    for task in arguments.tasks:
        scores = []
        for seed in range(arguments.seeds):
            scores.append(100 * fine_tune(arguments, task, seed))
            print(f"{task}, seed {seed}: {scores[-1]:.1f}", flush=True)
        spread = np.std(scores, ddof=1) if len(scores) > 1 else float("nan")
        print(f"{task}: {np.mean(scores):.1f} +- {spread:.1f}", flush=True)


if __name__ == "__main__":
    main()
