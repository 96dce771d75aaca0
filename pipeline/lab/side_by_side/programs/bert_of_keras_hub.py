"""keras-hub's BERT without a head."""

from __future__ import annotations

import keras_hub


def backbone(settings: dict) -> keras_hub.models.BertBackbone:
    """Makes the model that the settings describe."""
    size = settings["model"]
    return keras_hub.models.BertBackbone(
        vocabulary_size=size["vocab_size"],
        num_layers=size["num_layers"],
        num_heads=size["num_heads"],
        hidden_dim=size["hidden_dim"],
        intermediate_dim=size["intermediate_dim"],
        max_sequence_length=size["max_position_embeddings"],
        dropout=settings["dropout"],
    )
