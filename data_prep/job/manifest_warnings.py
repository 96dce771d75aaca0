"""What the settings of a finished folder asked for and its corpus could not give, as warnings."""

from __future__ import annotations

from data_prep.job.manifest import Manifest


def manifest_warnings(manifest: Manifest) -> list[str]:
    """Returns a sentence or two for each thing that is missing; none for a usual folder."""
    if manifest.settings["objective"] != "mlm_nsp":
        return []
    return [
        _without_random_next(split, content["pairs_without_partner"])
        for split, content in manifest.splits.items()
        if content["pairs_without_partner"]
    ]


def _without_random_next(split: str, count: int) -> str:
    # A split of two texts has partners for all pairs: those of other splits are never used.
    return (
        f"{count:,} pairs of the {split} split should have had a random next sentence, but all its "
        "text is one document (or copies of it), and a random sentence comes from another one. "
        "Every next_sentence_label there is 0. Give more documents (a blank line begins one; "
        "see --input GLOB::LAYOUT), or choose --objective mlm_sop or mlm."
    )
