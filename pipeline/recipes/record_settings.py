"""Which settings of `prepare` a run takes from its recipe, and which from its records."""

from __future__ import annotations

from collections.abc import Mapping

# What a trainer that masks decides for itself.
_MASKING = ("masked_lm_prob", "max_predictions_per_seq", "do_whole_word_mask")


def decided_by_recipe(made_with: Mapping) -> frozenset[str]:
    """Names the settings of `prepare` that records made with `made_with` leave to the recipe."""
    left = _MASKING if made_with.get("masking") == "dynamic" else ()
    return frozenset(left) | ({"max_seq_length"} if made_with.get("bins") else set())
