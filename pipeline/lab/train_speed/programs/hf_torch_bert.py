"""Hugging Face's BERT for PyTorch, eager; helped, the head reads the masked positions alone."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from transformers import BertConfig, BertForPreTraining

PACKAGES = ("transformers", "torch")
_NO_LABEL = -100


class Training:
    """`parameters` and `run` as of `measured_program`."""

    def __init__(self, settings: dict):
        self._settings = settings
        self._model = _model(settings).train()
        self._optimizer = torch.optim.AdamW(
            self._model.parameters(),
            lr=settings["learning_rate"],
            weight_decay=settings["weight_decay"],
            eps=1e-6,
        )
        self._batches = itertools.cycle(_batches(settings))
        self.parameters = sum(each.numel() for each in self._model.parameters())

    def run(self, num_steps: int) -> float:
        """Makes steps; returns the last one's loss."""
        for _ in range(num_steps):
            loss = self._loss(next(self._batches))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), self._settings["clip_norm"])
            self._optimizer.step()
            self._optimizer.zero_grad()
        return loss.item()

    def _loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        inputs = {
            "input_ids": batch["input_ids"],
            "attention_mask": batch["input_mask"],
            "token_type_ids": batch["segment_ids"],
        }
        if not self._settings["helped"]:
            return self._model(
                **inputs,
                labels=batch["labels"],
                next_sentence_label=batch["next_sentence_labels"],
            ).loss
        outputs = self._model.bert(**inputs)
        rows = torch.arange(len(batch["input_ids"]))[:, None]
        gathered = outputs.last_hidden_state[rows, batch["masked_lm_positions"]]
        logits, next_sentence_logits = self._model.cls(gathered, outputs.pooler_output)
        cross_entropy = torch.nn.functional.cross_entropy
        return cross_entropy(
            logits.flatten(0, 1), batch["gathered_labels"].flatten(), ignore_index=_NO_LABEL
        ) + cross_entropy(next_sentence_logits, batch["next_sentence_labels"])


def build(settings: dict) -> Training:
    """Makes the model and its optimizer."""
    torch.manual_seed(0)
    return Training(settings)


def _batches(settings: dict) -> list[dict[str, torch.Tensor]]:
    arrays = dict(np.load(settings["batches"]))
    real = arrays["masked_lm_weights"] > 0
    arrays["gathered_labels"] = np.where(real, arrays["masked_lm_ids"], _NO_LABEL)
    arrays["labels"] = np.full(arrays["input_ids"].shape, _NO_LABEL)
    np.put_along_axis(
        arrays["labels"], arrays["masked_lm_positions"], arrays["gathered_labels"], axis=-1
    )
    return [
        {name: torch.as_tensor(array[i]).long() for name, array in arrays.items()}
        for i in range(len(arrays["input_ids"]))
    ]


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
