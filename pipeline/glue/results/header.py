"""What `results.json` says besides the rows: where training began, and with which settings."""

from __future__ import annotations

from pipeline.glue.initial_weights import InitialEncoder
from pipeline.glue.results.convention import SAMPLE
from pipeline.glue.settings import SeededSettings


def header_of(
    checkpoint: str, start: InitialEncoder, settings: SeededSettings, *, kind: str
) -> dict:
    """Returns the header of a `ResultsFolder`; its `settings` must not change between two calls.

    Args:
      checkpoint: Folder of the model.
      start: What was read of it; a `FrozenT5` says as much.
      settings: Of every task.
      kind: Of tasks, see `convention`.
    """
    same = {
        "initialisation": "random" if start.is_random else "checkpoint",
        "sample_tasks": kind == SAMPLE,
    }
    return {
        "checkpoint": checkpoint,
        "encoder_step": start.step,
        "kind": kind,
        **same,
        "settings": {**same, "encoder_hash": start.weights_hash, **settings.fixed()},
    }
