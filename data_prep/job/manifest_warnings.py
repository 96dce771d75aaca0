"""What the settings of a finished folder asked for and its corpus could not give, as warnings."""

from __future__ import annotations

import math

from data_prep.job.manifest import Manifest

_RISK = 0.01  # that the fraction a warning names holds out no document either
# Of the ideographs of segmented Chinese, about four in ten continue a word.
_FEWEST_JOINED = 0.1


def manifest_warnings(manifest: Manifest) -> list[str]:
    """Returns a sentence or two for each thing that is missing; none for a usual folder."""
    found = [_without_heldout_records(manifest), _without_whole_words(manifest)]
    if manifest.settings["objective"] == "mlm_nsp":
        found += [
            _without_random_next(split, content["pairs_without_partner"])
            for split, content in manifest.splits.items()
            if content["pairs_without_partner"]
        ]
    return [warning for warning in found if warning]


def _without_heldout_records(manifest: Manifest) -> str:
    fraction = manifest.settings["heldout_fraction"]
    heldout = manifest.splits["heldout"]
    if not fraction or heldout["sequences"]:
        return ""
    held, documents = (
        sum(split["documents"] for split in splits)
        for splits in ([heldout], manifest.splits.values())
    )
    # Each document is held out by itself, so n of them all stay with probability (1 - fraction)^n.
    enough = math.ceil(100 * (1 - _RISK ** (1 / max(1, documents)))) / 100
    advice = "Give more documents (another layout may find more of them: --input GLOB::line)"
    if enough <= 0.5:
        advice = f"Give --heldout_fraction {max(enough, fraction):g} or more, or more documents"
    return (
        f"no held-out record: {held:,} of {documents:,} documents are held out at "
        f"--heldout_fraction {fraction:g}, so nothing can be evaluated on them. {advice}, or "
        "--heldout_fraction 0 to hold none out."
    )


def _without_whole_words(manifest: Manifest) -> str:
    """Whole words were asked for, and the text does not show them."""
    settings = manifest.settings
    if not settings["do_whole_word_mask"]:
        return ""
    ideographs = manifest.counts["ideographs"]
    joined = manifest.counts["ideographs_in_words"]
    if joined >= _FEWEST_JOINED * ideographs:
        return ""
    never = " (--ids tf_text never joins them)" if settings["ids"] == "tf_text" else ""
    return (
        f"--do_whole_word_mask true, but {ideographs - joined:,} of {ideographs:,} ideographs are "
        f"masked one by one, because no blanks show which of them are a word{never}. Segment the "
        "text by blanks."
    )


def _without_random_next(split: str, count: int) -> str:
    # A split of two texts has partners for all pairs: those of other splits are never used.
    return (
        f"{count:,} pairs of the {split} split should have had a random next sentence, but all its "
        "text is one document (or copies of it), and a random sentence comes from another one. "
        "Every next_sentence_label there is 0. Give more documents (a blank line begins one; "
        "see --input GLOB::LAYOUT), or choose --objective mlm_sop or mlm."
    )
