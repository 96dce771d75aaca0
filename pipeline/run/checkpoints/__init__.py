"""Checkpoints of a pre-training run: saving, going on from them, and taking weights out of them."""

from pipeline.run.checkpoints.pretrained import (
    batches_used,
    find_vocab,
    load_pretrained_encoder,
    load_pretrained_model,
    newest_checkpoint,
    run_of,
)
from pipeline.run.checkpoints.training import TrainingCheckpoint

__all__ = [
    "TrainingCheckpoint",
    "batches_used",
    "find_vocab",
    "load_pretrained_encoder",
    "load_pretrained_model",
    "newest_checkpoint",
    "run_of",
]
