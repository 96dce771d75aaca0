"""Whether programs train the same, so that their speeds may be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.lab.side_by_side.contestant import OURS

# At random weights BERT's logits have a standard deviation of at most 0.02 sqrt(hidden), 0.64 at
# hidden 1024: the mean of the losses lies within 0.2 nats, plus 0.3 for 8 next-sentence labels.
_OF_BERT = 0.5


def check_same_training(
    ready: Mapping[str, Mapping[str, Any]],
    *,
    hidden_dim: int,
    loss: float | None = None,
    most_difference: float = _OF_BERT,
) -> None:
    """Refuses to compare models or losses that differ.

    Args:
        ready: of each program, what it said of its start: `parameters` and `first_loss`.
        hidden_dim: of the model that all should train.
        loss: expected at first; None is ours.
        most_difference: from it, in nats.

    Raises:
        ValueError: a model has more or fewer weights than ours, by more than one dense layer such
            as a pooler; or its first loss is another loss.
    """
    ours = ready[OURS]
    dense = hidden_dim * (hidden_dim + 1)
    expected = ours["first_loss"] if loss is None else loss
    near = f"our {expected:.3f}" if loss is None else f"{expected:.3f}"
    for name, theirs in ready.items():
        if abs(theirs["parameters"] - ours["parameters"]) > dense:
            raise ValueError(
                f"{name} has {theirs['parameters']:,} weights, expected our {ours['parameters']:,}"
                f" or up to {dense:,} more or fewer. Only equal models are compared: give another "
                "version of its library."
            )
        if not abs(theirs["first_loss"] - expected) <= most_difference:
            raise ValueError(
                f"{name} begins with a loss of {theirs['first_loss']:.3f} nats, expected one near "
                f"{near}. Only equal losses are compared: give another version of its library."
            )
