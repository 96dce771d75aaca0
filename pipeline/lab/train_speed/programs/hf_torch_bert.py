"""Hugging Face's BERT for PyTorch: the usual eager loop, or helped.

Helped: the head reads the masked positions alone, and the model is compiled (`torch.compile`).
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertForPreTraining

PACKAGES = ("transformers", "torch")


class AsRun:
    """`parameters` and `run` as of `measured_program`: labels on all positions, eager."""

    def __init__(self, settings: dict):
        torch.manual_seed(0)
        self._model = _model(settings).train()
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(),
            settings["learning_rate"],
            weight_decay=settings["weight_decay"],
            eps=1e-6,
        )
        self._clip_norm = settings["clip_norm"]
        self._batches = itertools.cycle(_batches(settings["batches"]))
        self.parameters = sum(each.numel() for each in self._model.parameters())

    def run(self, num_steps: int) -> float:
        """Makes steps; returns the last one's loss."""
        for _ in range(num_steps):
            loss = self._loss(next(self._batches))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._clip_norm)
            self._optimizer.step()
            self._optimizer.zero_grad()
        return float(loss)

    def _loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        outputs = self._model(
            **_inputs(batch),
            labels=batch["labels"],
            next_sentence_label=batch["next_sentence_labels"],
        )
        return outputs.loss


class Helped(AsRun):
    """The same with a gathered head, compiled."""

    def __init__(self, settings: dict):
        super().__init__(settings)
        self._compiled = torch.compile(self._gathered_loss)

    def _loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self._compiled(batch)

    def _gathered_loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        outputs = self._model.bert(**_inputs(batch))
        hidden = outputs.last_hidden_state
        positions = batch["masked_lm_positions"][..., None].expand(-1, -1, hidden.shape[-1])
        words, pairs = self._model.cls(hidden.gather(1, positions), outputs.pooler_output)
        of_words = cross_entropy(
            words.flatten(0, 1), batch["masked_lm_ids"].flatten(), reduction="none"
        )
        weights = batch["masked_lm_weights"].flatten()
        return (of_words * weights).sum() / weights.sum() + cross_entropy(
            pairs, batch["next_sentence_labels"]
        )


def build(settings: dict) -> AsRun:
    """Makes the model and its optimizer."""
    return Helped(settings) if settings["helped"] else AsRun(settings)


def _batches(path: str) -> list[dict[str, torch.Tensor]]:
    """The batches, each feature as PyTorch wants it, with labels on all positions."""
    stacked = dict(np.load(path))
    labels = np.full(stacked["input_ids"].shape, -100, np.int64)
    kept = np.where(stacked["masked_lm_weights"] > 0, stacked["masked_lm_ids"], -100)
    # Entries without weight point to position 0, which is never predicted.
    np.put_along_axis(labels, stacked["masked_lm_positions"], kept.astype(np.int64), axis=-1)
    tensors = {
        name: torch.from_numpy(values if values.dtype.kind == "f" else values.astype(np.int64))
        for name, values in {**stacked, "labels": labels}.items()
    }
    return [
        {name: values[index] for name, values in tensors.items()} for index in range(len(labels))
    ]


def _inputs(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        "input_ids": batch["input_ids"],
        "attention_mask": batch["input_mask"],
        "token_type_ids": batch["segment_ids"],
    }


def _model(settings: dict) -> BertForPreTraining:
    size = settings["model"]
    return BertForPreTraining(
        BertConfig(
            vocab_size=size["vocab_size"],
            hidden_size=size["hidden_dim"],
            num_hidden_layers=size["num_layers"],
            num_attention_heads=size["num_heads"],
            intermediate_size=size["intermediate_dim"],
            max_position_embeddings=size["max_position_embeddings"],
            hidden_dropout_prob=settings["dropout"],
            attention_probs_dropout_prob=settings["dropout"],
        )
    )
