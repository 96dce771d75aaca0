"""A pre-trained or fine-tuned BERT for Python: raw strings in, vectors, labels and words out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from data_prep.wordpiece import WordpieceTokenizer
from models import BertPretrainer
from models.bert_encoder import BertEncoder
from pipeline import length_batches
from pipeline.glue.classifier_training import predictions_from_logits
from pipeline.glue.encoding import encode_texts
from pipeline.masked_words import candidates, masked_tokens
from pipeline.model_loading import load_model
from pipeline.weights.model_description import ModelDescription

Texts = Sequence[str] | Sequence[Sequence[str]]

# Padded arrays of so many texts are made at a time.
_TEXTS_PER_PART = 16_384
# Tracing a graph takes as long as running so many batches without one.
_BATCHES_WORTH_A_GRAPH = 8


class Prediction(NamedTuple):
    """A class of a classifier, and the probability that it gives to it."""

    label: str
    probability: float


def load_pretrained(path: str | os.PathLike) -> PretrainedModel:
    """Loads a model with its tokenizer.

    Args:
        path: a pre-training run, the `--output` folder of `mnemosyne pretrain`, for its newest
            whole checkpoint; a checkpoint of it, `RUN/checkpoints/ckpt-400`, or
            `RUN/checkpoints/best`, that of the lowest held-out loss; a model folder, as
            `mnemosyne import` and fine-tuning write it; or the folder of a prompt, as `mnemosyne
            prompt` writes it, with its frozen model, a BERT or a T5.

    Raises:
        FileNotFoundError: the folder has no configuration, vocabulary or weights.
        ValueError: the weights do not fit the configuration.
    """
    return PretrainedModel(*load_model(os.fspath(path)))


class PretrainedModel:
    """A BERT with its tokenizer; what it can do depends on the heads that it has.

    Args:
        model: a built `BertPretrainer`, `BertClassifier`, `BertEncoder` or `PromptedT5Classifier`.
        tokenizer: of its vocabulary.
        description: kind, length, and of a classifier labels and columns.

    Attributes:
        encoder: the Keras layer to build upon; None of a T5.
        max_seq_length: tokens of the longest input; longer texts are truncated, because later
            position embeddings were never trained.
        labels: of a classifier, in the order of its classes; empty otherwise.
    """

    def __init__(
        self, model: keras.Model, tokenizer: WordpieceTokenizer, description: ModelDescription
    ):
        self.model = model
        self.tokenizer = tokenizer
        self.description = description
        self.encoder = model if isinstance(model, BertEncoder) else getattr(model, "encoder", None)
        self.max_seq_length = description.trained_positions
        self.labels = description.labels
        self._pooled = _with_graph(lambda features: mean_pooled(self.encoder, features))
        self._logits = _with_graph(lambda features: self.model(features, training=False))

    def encode(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Turns texts into vectors: the mean of the encoder's outputs over all real tokens.

        Args:
            texts: strings; [CLS] and [SEP] are added and count in the mean.
            batch_size: texts per forward pass; texts of like length go together.

        Returns:
            float32 `[len(texts), hidden]`, in the order of the texts.
        """
        segments = _one_segment("encode", texts)
        if self.encoder is None:
            raise ValueError(f"encode expects a BERT, received {self._in_words()} of a T5")
        return self._outputs(self._pooled, segments, self.encoder.config.hidden_dim, batch_size)

    def predict(self, texts: Texts, batch_size: int = 64) -> list[Prediction] | np.ndarray:
        """Classifies texts or pairs of texts; see `probabilities` for all classes.

        Args:
            texts: strings, or pairs of strings for a task of pairs.
            batch_size: texts per forward pass.

        Returns:
            For each text the most probable label and its probability; of a regression the scores,
            float32 `[len(texts)]`, in the range of the task.

        Raises:
            ValueError: the model is no classifier, or its task takes pairs and these are none, or
                the other way round.
        """
        if self._classifier("predict").num_outputs == 1:
            logits = self._classifier_logits(texts, batch_size)
            return predictions_from_logits(
                logits, is_regression=True, score_range=self.description.score_range
            )
        probabilities = self.probabilities(texts, batch_size)
        best = probabilities.argmax(axis=1)
        return [
            Prediction(self.labels[label], float(row[label]))
            for label, row in zip(best, probabilities, strict=True)
        ]

    def probabilities(self, texts: Texts, batch_size: int = 64) -> np.ndarray:
        """Returns float32 `[len(texts), len(labels)]`; arguments and errors as of `predict`."""
        if self._classifier("probabilities").num_outputs == 1:
            raise ValueError(
                f"probabilities expects a task of classes, received {self.description.task}, a "
                "regression. Call predict for its scores."
            )
        return tf.nn.softmax(self._classifier_logits(texts, batch_size)).numpy()

    def fill_mask(self, text: str, top_k: int = 5) -> list[list[tuple[str, float]]]:
        """Predicts what stands at each [MASK] of a text.

        Args:
            text: holds `[MASK]` at least once.
            top_k: candidates per mask.

        Returns:
            For each mask, in the order of the text, `top_k` pairs of a vocabulary entry and its
            probability, the most probable first.

        Raises:
            ValueError: the model has no masked-LM head, there is no mask, or the text is longer
                than `max_seq_length`.

        Example:
            `fill_mask("the [MASK] of the united states")` gives `[[("president", 0.2), ...]]`
            after a run on presidential addresses.
        """
        model = self.masked_lm("fill_mask")
        _one_segment("fill_mask", [text])
        _check_count("top_k", top_k)
        tokens, positions = masked_tokens(text, self.tokenizer, self.max_seq_length)
        return candidates(model, tokens, positions, self.tokenizer.vocab, top_k)

    def masked_lm(self, wanted_for: str) -> BertPretrainer:
        """The model with its masked-LM head.

        Raises:
            ValueError: it has none; says for what one was wanted.
        """
        absent = any("masked_lm_head/".startswith(each) for each in self.description.absent)
        if not isinstance(self.model, BertPretrainer) or absent:
            raise ValueError(
                f"{wanted_for} expects a model with a masked-LM head, received {self._in_words()}. "
                "Load a pre-training run, or an import that has the head."
            )
        return self.model

    def _classifier(self, wanted_for: str) -> ModelDescription:
        if self.description.kind != "classifier":
            raise ValueError(
                f"{wanted_for} expects a classifier, received {self._in_words()}. Fine-tune it "
                "with `mnemosyne glue` and load the folder models/TASK of its output."
            )
        return self.description

    def _in_words(self) -> str:
        words = {"encoder": "an encoder alone", "pretrainer": "a pre-trained model"}
        absent = f" without {', '.join(self.description.absent)}" if self.description.absent else ""
        task = self.description.task
        return words.get(self.description.kind, f"a classifier of {task}") + absent

    def _classifier_logits(self, texts: Texts, batch_size: int) -> np.ndarray:
        segments = _segments(texts, self.description)
        return self._outputs(self._logits, segments, self.description.num_outputs, batch_size)

    def _outputs(
        self, run: Callable, segments: Sequence[Sequence[str]], width: int, batch_size: int
    ) -> np.ndarray:
        """Returns float32 `[len(texts), width]`, batches of like length put back in order."""
        _check_count("batch_size", batch_size)
        outputs = np.zeros([len(segments[0]), width], np.float32)
        for begin in range(0, len(outputs), _TEXTS_PER_PART):
            part = slice(begin, begin + _TEXTS_PER_PART)
            features = encode_texts(
                [column[part] for column in segments], self.tokenizer, self.max_seq_length
            )
            lengths = features["input_mask"].sum(axis=1)
            batches = length_batches.sorted_batches(lengths, batch_size=batch_size)
            for batch in batches:
                rows = {
                    name: tf.constant(array[batch.rows, : batch.width])
                    for name, array in features.items()
                }
                outputs[begin + batch.rows] = run(rows, graph=len(batches) > _BATCHES_WORTH_A_GRAPH)
        return outputs


def mean_pooled(encoder: BertEncoder, features) -> tf.Tensor:
    """The mean of the encoder's outputs over the real tokens, float32 `[batch, hidden]`."""
    sequence_output, _ = encoder(features, training=False)
    weights = tf.cast(features["input_mask"], tf.float32)[:, :, tf.newaxis]
    sums = tf.reduce_sum(tf.cast(sequence_output, tf.float32) * weights, axis=1)
    return sums / tf.reduce_sum(weights, axis=1)


def _with_graph(function: Callable) -> Callable:
    """Returns `run(features, graph)`: with one graph for all widths, or operation by operation."""
    spec = {
        name: tf.TensorSpec([None, None], tf.int32)
        for name in ("input_ids", "input_mask", "segment_ids")
    }
    traced = tf.function(function, input_signature=[spec])
    return lambda features, graph: (traced if graph else function)(features)


def _one_segment(wanted_for: str, texts: Sequence[str]) -> tuple[list[str]]:
    if isinstance(texts, str):
        raise ValueError(
            f"{wanted_for} expects a list of texts, received one string: {texts[:40]!r}"
        )
    texts = list(texts)
    for text in texts:
        if not isinstance(text, str):
            raise ValueError(f"{wanted_for} expects strings, received {text!r:.80}")
    return (texts,)


def _check_count(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be 1 or more, received {value}.")


def _is_pair(value) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__") and len(value) == 2


def _segments(texts: Texts, description: ModelDescription) -> tuple[list[str], ...]:
    texts = texts if isinstance(texts, str) else list(texts)
    columns = len(description.sentence_columns)
    # A classifier of another library may not say what it takes: its texts do.
    if columns == 1 or (not columns and any(isinstance(each, str) for each in texts or [""])):
        return _one_segment("predict", texts)
    if isinstance(texts, str) or not all(map(_is_pair, texts)):
        wanted = ", ".join(description.sentence_columns) or "or of strings"
        raise ValueError(f"predict expects a list of pairs ({wanted}), received {texts!r:.80}")
    return tuple(_one_segment("predict", [pair[side] for pair in texts])[0] for side in (0, 1))
