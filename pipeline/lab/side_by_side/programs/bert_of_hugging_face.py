"""Hugging Face's names for what a BERT is and reads, the same for TensorFlow and PyTorch."""

from __future__ import annotations

import numpy as np
from transformers import BertConfig

_INPUTS = {
    "input_ids": "input_ids",
    "attention_mask": "input_mask",
    "token_type_ids": "segment_ids",
}
_NO_LABEL = -100


def config(settings: dict, **more) -> BertConfig:
    """The model that the settings describe; `more` is given to it, too."""
    size = settings["model"]
    return BertConfig(
        vocab_size=size["vocab_size"],
        hidden_size=size["hidden_dim"],
        num_hidden_layers=size["num_layers"],
        num_attention_heads=size["num_heads"],
        intermediate_size=size["intermediate_dim"],
        max_position_embeddings=size["max_position_embeddings"],
        hidden_dropout_prob=settings["dropout"],
        attention_probs_dropout_prob=settings["dropout"],
        **more,
    )


def inputs(arrays) -> dict:
    """What the model reads, of arrays with our names."""
    return {theirs: arrays[ours] for theirs, ours in _INPUTS.items()}


def labels_of_all_positions(batches) -> np.ndarray:
    """The masked tokens at their positions, -100 elsewhere, int32 `[batches, batch, seq_len]`."""
    labels = np.full(batches["input_ids"].shape, _NO_LABEL, np.int32)
    kept = np.where(batches["masked_lm_weights"] > 0, batches["masked_lm_ids"], _NO_LABEL)
    # Entries without weight point to position 0, which is never predicted.
    np.put_along_axis(labels, batches["masked_lm_positions"], kept.astype(np.int32), axis=-1)
    return labels
