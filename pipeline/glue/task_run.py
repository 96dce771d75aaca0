"""One task with one seed: trains a classifier and scores it on dev."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from models.bert_classifier import BertClassifier
from pipeline.glue import classifier_training, initial_weights, metrics
from pipeline.glue.classifier_step import task_loss
from pipeline.glue.encoding import count_cut, encode_texts, unknown_fraction
from pipeline.glue.files.examples import Examples, TaskData, Texts
from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.settings import FineTuningSettings
from pipeline.glue.task import GlueTask

# Test sets have up to 390,965 pairs: encoded in parts, so that they need little memory.
_TEXTS_PER_PART = 16_384


@dataclasses.dataclass(frozen=True)
class TaskRun:
    """A finished task and seed.

    Attributes:
      row: What `results.json` says of it.
      predictions: One array per dev set: classes, or scores.
      model: The classifier, with the weights that were scored.
      dev_loss: Mean over the examples of all dev sets, see `task_loss`.
    """

    row: dict
    predictions: Sequence[np.ndarray]
    model: BertClassifier
    dev_loss: float


def run_task(
    task: GlueTask,
    data: TaskData,
    *,
    start: InitialEncoder,
    settings: FineTuningSettings,
    build: Callable[..., BertClassifier] | None = None,
) -> TaskRun:
    """Fine-tunes and scores.

    Args:
      task: Which.
      data: Of the task.
      start: The encoder to start from.
      settings: With the epochs and the length of this task, and its seed.
      build: `build(task, training examples, start, settings)`, the model whose trainable variables
        are trained; by default a classifier with all of them.

    Raises:
      FloatingPointError: If the loss or a prediction is not finite.
    """
    began = time.monotonic()
    train = _training_examples(data, settings)
    model = (build or _whole_classifier)(task, train, start, settings)
    features = encode_texts(train.texts, start.tokenizer, settings.max_seq_length)
    unknown = unknown_fraction(features, start.tokenizer)
    num_cut = count_cut(train.texts, start.tokenizer, settings.max_seq_length, features)
    dev = _Dev(task, data, start, settings, model)
    best = _BestEpoch(model, dev) if settings.choose == "best" else None
    num_train_steps = classifier_training.train(
        model,
        features,
        train.labels,
        settings=settings,
        description=f"{task.name} seed {settings.seed}",
        score_range=task.score_range,
        # Nothing of a prompt, which another `build` makes, or of random weights was trained before.
        fine_tuning=build is None and not start.is_random,
        **({"after_epoch": best.after_epoch} if best else {}),
    )
    if best:
        best.restore()
    logits = dev.logits()
    predictions = dev.answers(logits)
    scores = dev.scores(predictions)
    row = {
        "task": task.name,
        "seed": settings.seed,
        "metrics": scores,
        "score": metrics.task_score(scores),
        "train_examples": len(train),
        "dev_examples": sum(map(len, data.dev_sets)),
        "num_train_steps": num_train_steps,
        "num_train_epochs": settings.num_train_epochs,
        "epoch": best.epoch if best else "last",
        "learning_rate": settings.learning_rate,
        "batch_size": settings.batch_size,
        "unknown_fraction": unknown,
        "cut_train_examples": num_cut,
        "majority_score": metrics.task_score(dev.scores(_majority(task, train, data))),
        "rejects": len(data.rejects),
        "data_sha256": data.sha256,
        "note": data.note,
        "seconds": round(time.monotonic() - began, 1),
    }
    return TaskRun(row, predictions, model, dev.loss(logits))


def _whole_classifier(
    task: GlueTask, _, start: InitialEncoder, settings: FineTuningSettings
) -> BertClassifier:
    return initial_weights.build_classifier(
        start.config, task.num_outputs, weights=start.weights, seed=settings.seed
    )


def predict_texts(
    task: GlueTask,
    model: BertClassifier,
    texts: Texts,
    *,
    start: InitialEncoder,
    settings: FineTuningSettings,
) -> np.ndarray:
    """The answers to texts, `[num_examples]`: classes, or scores."""
    predict = classifier_training.make_predict(model, batch_size=settings.batch_size)
    parts = []
    for begin in range(0, len(texts[0]), _TEXTS_PER_PART):
        part = tuple(column[begin : begin + _TEXTS_PER_PART] for column in texts)
        features = encode_texts(part, start.tokenizer, settings.max_seq_length)
        parts.append(_answers(task, predict(features)))
    return np.concatenate(parts)


def _answers(task: GlueTask, logits: np.ndarray) -> np.ndarray:
    """Classes or scores."""
    return classifier_training.predictions_from_logits(
        logits, is_regression=task.is_regression, score_range=task.score_range
    )


class _Dev:
    """The dev sets of a task, encoded once, and the graph of the model that answers them."""

    def __init__(
        self,
        task: GlueTask,
        data: TaskData,
        start: InitialEncoder,
        settings: FineTuningSettings,
        model: BertClassifier,
    ):
        self._task = task
        self._predict = classifier_training.make_predict(model, batch_size=settings.batch_size)
        self._labels = [examples.labels for examples in data.dev_sets]
        self._features = [
            encode_texts(examples.texts, start.tokenizer, settings.max_seq_length)
            for examples in data.dev_sets
        ]

    def logits(self) -> list[np.ndarray]:
        """`[num_examples, num_outputs]` of each dev set, by the present weights."""
        return [self._predict(each) for each in self._features]

    def answers(self, logits: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The answers on each dev set."""
        return [_answers(self._task, each) for each in logits]

    def loss(self, logits: Sequence[np.ndarray]) -> float:
        """The mean over the examples of all dev sets."""
        together = np.concatenate(logits).astype(np.float32)
        labels = tf.constant(np.concatenate(self._labels))
        return float(task_loss(tf.constant(together), labels, self._task.score_range))

    def scores(self, predictions: Sequence[np.ndarray]) -> dict[str, float]:
        """Metric -> figure."""
        return metrics.score_dev_sets(
            self._task.metrics, self._task.suffixes, self._labels, predictions
        )


class _BestEpoch:
    """What is trained, as of the epoch with the highest score on dev; of equal ones the first.

    Frozen weights, which may be gigabytes, are not copied.
    """

    def __init__(self, model: BertClassifier, dev: _Dev):
        self._variables, self._dev = model.trainable_variables, dev
        self._score = -np.inf
        self._keep(0)

    def after_epoch(self, epoch: int) -> None:
        """Keeps the weights that the model has now if they score higher than those before."""
        score = metrics.task_score(self._dev.scores(self._dev.answers(self._dev.logits())))
        if score > self._score:
            self._score = score
            self._keep(epoch)

    def restore(self) -> None:
        """Gives the model the weights that were kept."""
        for variable, values in zip(self._variables, self._values, strict=True):
            variable.assign(values)

    def _keep(self, epoch: int) -> None:
        self.epoch, self._values = epoch, [each.numpy() for each in self._variables]


def _majority(task: GlueTask, train: Examples, data: TaskData) -> list[np.ndarray]:
    """The same answer everywhere: the most frequent label of training, or its mean score."""
    answer = train.labels.mean() if task.is_regression else np.bincount(train.labels).argmax()
    return [np.full(len(examples), answer) for examples in data.dev_sets]


def _training_examples(data: TaskData, settings: FineTuningSettings) -> Examples:
    if not 0 < settings.max_train_examples < len(data.train):
        return data.train
    order = np.random.RandomState(settings.seed).permutation(len(data.train))
    return data.train.take(order[: settings.max_train_examples])
