"""The parts of a finished job to its manifest, checked."""

from __future__ import annotations

import collections
import os
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from data_prep.corpus.bad_input import REJECT_COUNT, REMEDIES
from data_prep.corpus.input_files import InputFile
from data_prep.job import byte_accounting
from data_prep.job.job_folder import COUNTS_PART, FILES_PART, REJECTS_FOLDER, JobFolder
from data_prep.job.manifest import Manifest
from data_prep.settings import PreparationSettings

_PACKAGES = ("apache-beam", "blingfire", "numpy", "tensorflow", "tensorflow-text")
_SUMMED = (
    "documents",
    "documents_duplicate",
    "documents_without_text",
    "sentences",
    "tokens",
    "unknown_tokens",
    "ideographs",
    "ideographs_in_words",
    "sequences",
    "random_next",
    "pairs_without_partner",
    "predictions",
    "sequence_tokens",
    "bytes_out",
)
_SUMMED_OF_SPANS = (*_SUMMED, "text_tokens")
_OF_SPANS = ("target_length", "num_sentinels")  # the same in every part


def build_manifest(
    job: JobFolder,
    *,
    settings: PreparationSettings,
    vocab_size: int,
    files: Sequence[InputFile],
) -> Manifest:
    """Joins the parts of all shards and checks that nothing was lost on the way.

    Raises:
        RuntimeError: bytes or documents are missing or too many; the job must be run again.
        ValueError: the corpus made no record for the train split, or a file of it has changed.
    """
    parts = {key: job.load_part(key) for key in settings.block_keys()}
    counts = job.load_part(COUNTS_PART)
    tallies = job.load_part(FILES_PART)
    missing = [key for key, part in parts.items() if part is None]
    if counts is None or tallies is None or missing:
        raise RuntimeError(
            f"{job.directory}: expected every shard to be written, but "
            f"{', '.join(missing) or 'the counts'} is missing. Run the command again."
        )
    is_spans = settings.objective == "span_corruption"
    summed = _SUMMED_OF_SPANS if is_spans else _SUMMED
    sums = {
        split: _sum([part for key, part in parts.items() if key.startswith(split)], summed)
        for split in ("train", "heldout")
    }
    byte_accounting.check(tallies, files)
    _check_conservation(counts, sums, job.directory)
    rejects = {
        name.removeprefix(REJECT_COUNT): number
        for name, number in sorted(counts.items())
        if name.startswith(REJECT_COUNT)
    }
    rejected_fraction = byte_accounting.rejected_fraction(tallies, files)
    if not sums["train"]["sequences"]:
        raise ValueError(
            f"Expected a corpus that makes at least one pair of segments, received "
            f"{counts.get('documents', 0):,} documents ({sums['train']['documents']:,} for "
            f"training) with {sums['train']['sentences']:,} sentences. "
            f"{_advice(counts, rejects, rejected_fraction, job)}"
        )
    total = collections.Counter(sums["train"])
    total.update(sums["heldout"])
    return Manifest(
        settings=settings.to_json(),
        vocab={"size": vocab_size, "sha256": settings.vocab_sha256},
        splits={
            split: {**sums[split], "shards": _shards(parts, split, settings)} for split in sums
        },
        counts={
            "files": len(files),
            **{
                name: number for name, number in counts.items() if not name.startswith(REJECT_COUNT)
            },
            **{name: total[name] for name in summed if name != "documents"},
        },
        rejects=rejects,
        statistics={
            **_statistics(total, parts.values()),
            **{name: next(iter(parts.values()))[name] for name in _OF_SPANS if is_spans},
            "rejected_fraction": rejected_fraction,
        },
        versions=_versions(),
    )


def _sum(parts: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, int]:
    return {name: sum(part[name] for part in parts) for name in names}


def _shards(
    parts: Mapping[str, Mapping[str, Any]], split: str, settings: PreparationSettings
) -> list[dict[str, Any]]:
    return [
        {
            "file": file,
            "sequences": shard["sequences"],
            "documents": part["documents"],
            "sha256": shard["sha256"],
            **({"max_seq_length": shard["max_seq_length"]} if settings.bins else {}),
        }
        for key, part in parts.items()
        if key.startswith(split)
        for file, shard in zip(settings.shard_files(key), part["shards"], strict=True)
    ]


def _check_conservation(
    counts: Mapping[str, int], sums: Mapping[str, Mapping[str, int]], directory: str
) -> None:
    read = counts.get("documents", 0)
    written = sum(split["documents"] + split["documents_duplicate"] for split in sums.values())
    classified = sum(counts.get(name, 0) for name in ("bytes_ok", "bytes_blank", "bytes_dead"))
    if read != written or classified != counts.get("bytes_in", 0):
        raise RuntimeError(
            f"{directory}: expected all that was read to be accounted for, received {read} "
            f"documents read and {written} in shards, {counts.get('bytes_in', 0)} bytes read and "
            f"{classified} sorted. An input file changed meanwhile or the runner lost data: delete "
            "the folder and run again, on the local runner if need be."
        )


def _advice(
    counts: Mapping[str, int], rejects: Mapping[str, int], rejected_fraction: float, job: JobFolder
) -> str:
    """Returns why nothing came of a corpus, as far as is known, and what to do."""
    sentences = []
    if rejects:
        sentences.append(
            f"Rejected were {_listed(rejects)}, {rejected_fraction:.1%} of the input; all of them "
            f"are saved in {os.path.join(job.directory, REJECTS_FOLDER)}. {_remedy(rejects)}."
        )
    pages = {name: counts[name] for name in sorted(counts) if name.startswith("pages_")}
    if pages := {name: number for name, number in pages.items() if number}:
        sentences.append(f"Pages left out were {_listed(pages)}.")
    if rejected_fraction < 0.5:
        sentences.append(
            "Give more text, fewer --num_shards, a smaller --heldout_fraction or another layout "
            "(--input GLOB::line, ::file, ::blank_line)."
        )
    return " ".join(sentences)


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items())


def _remedy(rejects: Mapping[str, int]) -> str:
    """Returns what to do about the most frequent reason."""
    return REMEDIES[max(rejects, key=lambda reason: rejects[reason])]


def _statistics(total: Mapping[str, int], parts: Any) -> dict[str, Any]:
    histograms = [part["length_histogram"] for part in parts]
    return {
        "length_histogram": [sum(column) for column in zip(*histograms, strict=True)],
        "mean_length": _fraction(total["sequence_tokens"], total["sequences"]),
        "masked_share": _fraction(total["predictions"], _maskable(total)),
        "random_next_share": _fraction(total["random_next"], total["sequences"]),
        "unknown_share": _fraction(total["unknown_tokens"], total["tokens"]),
    }


def _maskable(total: Mapping[str, int]) -> int:
    """Where spans are replaced the records are shorter than the texts."""
    return total.get("text_tokens", total["sequence_tokens"])


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def check_bad_fraction(manifest: Manifest, max_bad_fraction: float) -> None:
    """Compares the fraction of the input that was rejected with the fraction that is accepted.

    Raises:
        ValueError: more was rejected.
    """
    rejected = manifest.statistics["rejected_fraction"]
    if rejected > max_bad_fraction:
        raise ValueError(
            f"Expected at most --max_bad_fraction {max_bad_fraction} of the input to be rejected, "
            f"received {rejected:.4f} ({_listed(manifest.rejects)}). Look into rejects/. "
            f"{_remedy(manifest.rejects)}, or run again with a larger fraction: the shards are "
            "kept."
        )


def completed_text(manifest: Manifest) -> str:
    """Returns the content of the COMPLETED marker."""
    return "".join(
        f"{split} {manifest.splits[split]['sequences']} sequences\n" for split in manifest.splits
    )
