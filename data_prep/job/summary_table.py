"""What a run of `prepare` prints last: what came of how much text, and at what price."""

from __future__ import annotations

import resource
from collections.abc import Mapping

from data_prep.job.manifest import Manifest


def peak_memory() -> int:
    """Returns the most bytes that this process, or one it started and that ended, held at once."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) * 1024


def summary_table(manifest: Manifest, *, seconds: float, peak_bytes: int, output: str) -> str:
    """Returns the table.

    Args:
        manifest: of what was made.
        seconds: that it took.
        peak_bytes: see `peak_memory`.
        output: the folder.
    """
    counts, statistics = manifest.counts, manifest.statistics
    megabytes = counts["bytes_in"] / 1e6
    rows = [
        ("files", f"{counts['files']:,}"),
        ("text", f"{megabytes:,.1f} MB"),
        ("documents", f"{counts['documents']:,}"),
        ("sentences", f"{counts['sentences']:,}"),
        ("tokens", f"{counts['tokens']:,} ({statistics['unknown_share']:.3%} unknown)"),
    ]
    for split, content in manifest.splits.items():
        if content["shards"]:
            rows.append(
                (
                    f"{split} sequences",
                    f"{content['sequences']:,} in {len(content['shards'])} shards, of "
                    f"{content['documents']:,} documents",
                )
            )
    rows += [
        ("mean length", f"{statistics['mean_length']:.1f} tokens"),
        *_choices(manifest),
        *_events(counts),
        ("rejects", f"{sum(manifest.rejects.values()):,}"),
        *((f"  {reason}", f"{number:,}") for reason, number in manifest.rejects.items()),
        ("time", f"{seconds:,.1f} s, {megabytes / max(seconds, 1e-9):,.2f} MB/s"),
        ("memory", f"{peak_bytes / 2**20:,.0f} MiB at most in one process"),
        ("output", output),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _choices(manifest: Manifest) -> list[tuple[str, str]]:
    """Returns rows for what was drawn, where records hold it."""
    settings, statistics = manifest.settings, manifest.statistics
    pairs = {"mlm_nsp": "random next", "mlm_sop": "swapped"}.get(settings["objective"])
    rows = [(pairs, f"{statistics['random_next_share']:.1%}")] if pairs else []
    is_static = settings["masking"] == "static"
    masked = f"{statistics['masked_share']:.1%} of tokens" if is_static else "by the trainer"
    return [*rows, ("masked", masked)]


def _events(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Returns rows for what is rare and worth knowing, where it happened."""
    labels = {
        "lines_cut": "long lines cut",
        "documents_cut": "long documents cut",
        "nul_bytes": "NUL bytes dropped",
        "lines_replaced": "lines with bytes replaced",
        "documents_duplicate": "duplicate documents dropped",
        "documents_without_text": "documents without text",
        "pages_redirect": "redirect pages left out",
        "pages_other_namespace": "pages of other namespaces left out",
        "pairs_without_partner": "pairs without partner",
    }
    return [(label, f"{counts[name]:,}") for name, label in labels.items() if counts.get(name)]
