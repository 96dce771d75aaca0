"""A run or a model folder to a model for Python: raw strings in, vectors and words out."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from data_prep.wordpiece import WordpieceTokenizer
from models import BertPretrainer
from pipeline.glue.encoding import encode_texts
from pipeline.glue.pretrained_run import read_run
from pipeline.run.checkpoints import load_pretrained_model
from pipeline.weights.tensors import MASKED_LM_HEAD

MASK = "[MASK]"


def load_pretrained(path: str | os.PathLike) -> PretrainedModel:
    """Loads a model folder, or the newest whole checkpoint of a run, with its tokenizer.

    Args:
        path: the `--output` folder of `mnemosyne pretrain`; or a checkpoint of it,
            `RUN/checkpoints/ckpt-400`, or `RUN/checkpoints/best`, that of the lowest held-out loss;
            or the folder that `mnemosyne import` wrote.

    Raises:
        FileNotFoundError: the folder has no configuration, vocabulary or checkpoint.
    """
    run = read_run(os.fspath(path))
    tokenizer = WordpieceTokenizer(run.vocab_file, do_lower_case=run.do_lower_case, ids=run.ids)
    model = BertPretrainer(run.config)
    model(_features(np.ones([1, 2], np.int32), np.zeros([1, 1], np.int32)))  # makes the variables
    new = load_pretrained_model(model, run.directory, new_heads=True)
    return PretrainedModel(
        model,
        tokenizer,
        max_seq_length=run.trained_positions,
        fills_masks=not any(path.startswith(MASKED_LM_HEAD) for path in new),
    )


class PretrainedModel:
    """A pre-trained BERT with its tokenizer.

    Args:
        model: built; `model.encoder` is the Keras layer to build upon.
        tokenizer: of the run's vocabulary.
        max_seq_length: tokens of the longest input; longer texts are truncated, because later
            position embeddings were never trained.
        fills_masks: whether the masked-LM head has weights.
    """

    def __init__(
        self,
        model: BertPretrainer,
        tokenizer: WordpieceTokenizer,
        *,
        max_seq_length: int,
        fills_masks: bool = True,
    ):
        self.model = model
        self.fills_masks = fills_masks
        self.tokenizer = tokenizer
        self.max_seq_length = max_seq_length

    def encode(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """Turns texts into vectors: the mean of the encoder's outputs over all real tokens.

        Args:
            texts: strings; [CLS] and [SEP] are added and count in the mean.
            batch_size: texts per forward pass.

        Returns:
            float32 `[len(texts), hidden]`.
        """
        if isinstance(texts, str):
            raise ValueError(f"encode expects a list of texts, received one string: {texts[:40]!r}")
        rows = [np.zeros([0, self.model.config.hidden_dim], np.float32)]
        for begin in range(0, len(texts), batch_size):
            batch = encode_texts(
                [texts[begin : begin + batch_size]], self.tokenizer, self.max_seq_length
            )
            width = int(batch["input_mask"].sum(axis=1).max())
            features = {name: tf.constant(array[:, :width]) for name, array in batch.items()}
            sequence_output, _ = self.model.encoder(features)
            weights = tf.cast(features["input_mask"], tf.float32)[:, :, tf.newaxis]
            sums = tf.reduce_sum(tf.cast(sequence_output, tf.float32) * weights, axis=1)
            rows.append((sums / tf.reduce_sum(weights, axis=1)).numpy())
        return np.concatenate(rows)

    def fill_mask(self, text: str, top_k: int = 5) -> list[list[tuple[str, float]]]:
        """Predicts what stands at each [MASK] of a text.

        Args:
            text: holds `[MASK]` at least once.
            top_k: candidates per mask.

        Returns:
            For each mask, in the order of the text, `top_k` pairs of a vocabulary entry and its
            probability, the most probable first.

        Raises:
            ValueError: there is no mask, the text is longer than `max_seq_length`, or the model
                has an encoder alone.

        Example:
            `fill_mask("the [MASK] of the united states")` gives `[[("president", 0.2), ...]]`
            after a run on presidential addresses.
        """
        if not self.fills_masks:
            raise ValueError(
                "fill_mask expects a masked-LM head; the origin of this model had none."
            )
        parts = text.split(MASK)
        if len(parts) < 2:
            raise ValueError(f"fill_mask expects a text with {MASK}, received {text[:80]!r}.")
        ids, lengths = self.tokenizer.tokenize(parts)
        between = np.cumsum(lengths)[:-1]
        tokens = np.insert(ids, between, self.tokenizer.mask_id)
        tokens = np.array([self.tokenizer.cls_id, *tokens, self.tokenizer.sep_id], np.int32)
        if len(tokens) > self.max_seq_length:
            raise ValueError(
                f"fill_mask expects at most {self.max_seq_length} tokens, the length that this "
                f"model was trained with; received {len(tokens)}. Shorten the text."
            )
        (positions,) = np.nonzero(tokens == self.tokenizer.mask_id)
        outputs = self.model(_features(tokens[np.newaxis], positions[np.newaxis]))
        probabilities = tf.nn.softmax(outputs["masked_lm_logits"][0])
        best = tf.math.top_k(probabilities, k=min(top_k, len(self.tokenizer.vocab)))
        return [
            [(self.tokenizer.vocab[i], float(p)) for i, p in zip(row, values, strict=True)]
            for row, values in zip(best.indices.numpy(), best.values.numpy(), strict=True)
        ]


def _features(input_ids: np.ndarray, masked_lm_positions: np.ndarray) -> dict[str, tf.Tensor]:
    """One segment without padding, as the model takes it; both int32 `[batch, ...]`."""
    return {
        "input_ids": tf.constant(input_ids, tf.int32),
        "input_mask": tf.ones_like(input_ids, tf.int32),
        "segment_ids": tf.zeros_like(input_ids, tf.int32),
        "masked_lm_positions": tf.constant(masked_lm_positions, tf.int32),
    }
