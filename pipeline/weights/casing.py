"""Whether a vocabulary of which nothing is recorded is made for text with capitals."""

from __future__ import annotations

from collections.abc import Sequence

# A lower-cased vocabulary holds a few stray capitals at most, a cased one tens of percent.
_MOST_STRAY_CAPITALS = 0.01


def is_cased(vocab: Sequence[str]) -> bool:
    """Says whether more than a hundredth of the entries hold capitals."""
    capitals = [entry for entry in vocab if entry != entry.lower() and not entry.startswith("[")]
    return len(capitals) > _MOST_STRAY_CAPITALS * len(vocab)


def is_lower_cased(vocabulary: bytes, recorded: bool | None) -> bool:
    """Returns what is recorded, or what the entries of `vocab.txt` say."""
    if recorded is not None:
        return recorded
    return not is_cased(vocabulary.decode("utf-8-sig", "replace").splitlines())
