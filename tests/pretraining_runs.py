"""What tests of whole pre-training runs share: a setting, and the rows that a run logged."""

import json

DROPOUT = ("model.dropout=0.2", "model.attention_dropout=0.2")


def rows(output, split):
    """The rows of `metrics.jsonl` of "train" or "heldout"."""
    lines = (output / "metrics.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["split"] == split]
