"""What a recipe of a T5 must leave out, because only a BERT has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pipeline.recipes.loader import Recipe

# Section and key, the one value, and why.
_ONLY_OF_BERT = (
    ("train", "packing", False, "a row is one text and its target"),
    ("train", "recompute", False, "its blocks keep what they compute"),
    ("train", "initial_masked_lm_prob", None, "`mnemosyne prepare` has chosen the spans"),
    ("model", "dropout", 0.0, "version 1.1 is pre-trained without"),
    ("model", "attention_dropout", 0.0, "version 1.1 is pre-trained without"),
    ("model", "max_position_embeddings", None, "it knows distances, no positions"),
    ("model", "hidden_act", None, "it has a gated GELU"),
)


def check_t5_settings(recipe: Recipe) -> None:
    """Refuses settings that mean nothing for a T5; all of them in one message.

    Raises:
      ValueError: there are some.
    """
    wrong = [
        (f"{section}.{key}", getattr(getattr(recipe, section), key), expected, why)
        for section, key, expected, why in _ONLY_OF_BERT
        if getattr(getattr(recipe, section), key) != expected
    ]
    if not wrong:
        return
    rows = [
        f"{key} {_word(expected)} ({why}), received {_word(received)}"
        for key, received, expected, why in wrong
    ]
    remedy = " ".join(f"--set {key}={_word(expected)}" for key, _, expected, _ in wrong)
    raise ValueError(
        "A recipe with prepare.objective span_corruption trains a T5; expected "
        f"{'; '.join(rows)}. Pass {remedy}."
    )


def _word(value) -> str:
    return yaml.safe_dump(value).split("\n")[0]
