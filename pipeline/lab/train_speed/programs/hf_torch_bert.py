"""Hugging Face's BERT for PyTorch: the usual eager loop, or helped.

Helped: the head reads the masked positions alone, and the model is compiled (`torch.compile`).
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from bert_of_hugging_face import config, inputs, labels_of_all_positions
from torch.nn.functional import cross_entropy
from transformers import BertForPreTraining

PACKAGES = ("transformers", "torch")


class AsRun:
    """`parameters` and `run` as of `measured_program`: labels on all positions, eager."""

    def __init__(self, settings: dict):
        torch.manual_seed(0)
        self._model = BertForPreTraining(config(settings)).train()
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
            **inputs(batch),
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
        outputs = self._model.bert(**inputs(batch))
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
    tensors = {
        name: torch.from_numpy(values if values.dtype.kind == "f" else values.astype(np.int64))
        for name, values in {**stacked, "labels": labels_of_all_positions(stacked)}.items()
    }
    return [
        {name: values[index] for name, values in tensors.items()}
        for index in range(len(stacked["input_ids"]))
    ]
