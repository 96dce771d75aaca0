"""What a run of `prepare` prints last: what came of how much text, and at what cost."""

from __future__ import annotations

import resource
from collections.abc import Mapping

import tabulate

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
        *_splits(manifest),
        ("mean length", f"{statistics['mean_length']:.1f} tokens"),
        *_choices(manifest),
        *_events(counts),
        *_rejects(manifest),
        ("time", f"{seconds:,.1f} s, {megabytes / max(seconds, 1e-9):,.2f} MB/s"),
        ("memory", f"{peak_bytes / 2**20:,.0f} MiB at most in one process"),
        ("output", output),
    ]
    return tabulate.tabulate(
        rows, tablefmt="plain", disable_numparse=True, preserve_whitespace=True
    )


def _splits(manifest: Manifest) -> list[tuple[str, str]]:
    return [
        (
            f"{split} sequences",
            f"{content['sequences']:,} in {len(content['shards'])} shards, of "
            f"{content['documents']:,} documents",
        )
        for split, content in manifest.splits.items()
        if content["shards"]
    ]


def _choices(manifest: Manifest) -> list[tuple[str, str]]:
    """Returns rows for what was drawn, where records hold it."""
    settings, statistics = manifest.settings, manifest.statistics
    pairs = {"mlm_nsp": "random next", "mlm_sop": "swapped"}.get(settings["objective"])
    rows = [(pairs, f"{statistics['random_next_share']:.1%}")] if pairs else []
    if settings["objective"] == "span_corruption":
        spans = f"{statistics['target_length']} tokens, up to {statistics['num_sentinels']} spans"
        return [("replaced", f"{statistics['masked_share']:.1%} of tokens"), ("targets", spans)]
    is_static = settings["masking"] == "static"
    masked = f"{statistics['masked_share']:.1%} of tokens" if is_static else "by the trainer"
    return [*rows, ("masked", masked)]


def _events(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    """Returns rows for what is rare and worth knowing, where it happened."""
    labels = {
        "lines_cut": "long lines cut",
        "documents_cut": "long documents cut",
        "nul_bytes": "NUL bytes dropped",
        "lines_replaced": "texts with bytes replaced",
        "documents_duplicate": "duplicate documents dropped",
        "documents_without_text": "documents without text",
        "pages_redirect": "pages left out, redirects",
        "pages_other_namespace": "pages left out, other namespaces",
        "pages_other_model": "pages left out, no wiki text",
        "pages_deleted": "pages left out, text hidden",
        "pages_stub": "pages left out, text not in the dump",
        "pages_empty": "pages left out, empty",
        "pages_without_prose": "pages left out, markup without prose",
        "pairs_without_partner": "pairs without partner",
    }
    return [(label, f"{counts[name]:,}") for name, label in labels.items() if counts.get(name)]


def _rejects(manifest: Manifest) -> list[tuple[str, str]]:
    """Returns rows for the rejects: all of them, then reason by reason."""
    total = f"{sum(manifest.rejects.values()):,}"
    if manifest.rejects:
        total += f" ({manifest.statistics['rejected_fraction']:.2%} of the input)"
    reasons = ((f"  {reason}", f"{number:,}") for reason, number in manifest.rejects.items())
    return [("rejects", total), *reasons]
