"""The tables of a report: sources to rows of formatted text.

Every figure is rounded here; the page only lays the rows out.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence

from pipeline.recipes.record_settings import decided_by_recipe
from pipeline.report.sources import DataFolder, Run

NONE = "\u2013"
# What pre-training reads of the recipe's sections for other commands: the rows of the embedding
# table. The vocabulary may have been made elsewhere, and fine-tuning may have had other settings.
_READ_OF_OTHER_SECTIONS = {"vocab": ("vocab_size",), "glue": ()}
_SPLIT_WORDS = {"train": "training", "heldout": "held-out"}


def percent(fraction: float | None, *, decimals: int = 1) -> str:
    """0.123 -> 12.3%."""
    return NONE if fraction is None else f"{100 * fraction:.{decimals}f}%"


def duration(seconds: float) -> str:
    """95 -> 95 s; 423 -> 7.0 min; 7500 -> 125 min; 20000 -> 5.6 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 60:.0f} min" if seconds < 3 * 3600 else f"{seconds / 3600:.1f} h"


def run_rows(runs: Sequence[Run]) -> list[tuple[Run, list[str]]]:
    """Each run with the cells of the comparison table, in the order of `run_columns`."""
    columns = _columns(runs)
    return [(run, [text(run) for _, text in columns]) for run in runs]


def run_columns(runs: Sequence[Run]) -> list[str]:
    """The names of the columns: those of BERT where there is one, those of T5 likewise."""
    return [name for name, _ in _columns(runs)]


def _columns(runs: Sequence[Run]) -> list[tuple[str, Callable[[Run], str]]]:
    has_t5, has_bert = any(run.is_of_a_t5 for run in runs), not all(run.is_of_a_t5 for run in runs)
    left_out = (*(() if has_t5 else _OF_T5), *(() if has_bert else _OF_BERT))
    return [column for column in _RUN_COLUMNS if column[0] not in left_out]


def run_notes(run: Run) -> list[str]:
    """What is said below a run's label: how far it came, and when its end was moved."""
    notes = [
        "lengthened at step {at_step:,}: {before:,} to {now:,} steps".format(**each)
        for each in run.facts.get("lengthened", ())
    ]
    if not run.is_complete:
        notes.insert(0, f"unfinished: step {run.last_step:,} of {run.num_train_steps:,}")
    return notes


def _last(run: Run, metric: str, form: str) -> str:
    value = run.heldout[-1].get(metric) if run.heldout else None
    return NONE if value is None else form.format(value)


def median(run: Run, rate: str, form: str) -> str:
    """The median of a rate over the logged intervals: the first one has the compilation in it."""
    values = [row[rate] for row in run.train if rate in row]
    return form.format(statistics.median(values)) if values else NONE


def _tokens(run: Run) -> str:
    trained = run.train[-1].get("tokens") if run.train else None
    if trained is None:
        return NONE
    for unit, tokens in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if trained >= tokens:
            return f"{trained / tokens:,.3g} {unit}"
    return f"{trained:.0f}"


def _seconds(run: Run) -> str:
    rows = [*run.train, *run.heldout]
    return duration(max(row["seconds"] for row in rows)) if rows else NONE


_RUN_COLUMNS = (
    ("steps", lambda run: f"{run.last_step:,}"),
    ("masked-LM loss", lambda run: _last(run, "masked_lm_loss", "{:.3f}")),
    ("target loss", lambda run: _last(run, "target_loss", "{:.3f}")),
    ("unigram plateau", lambda run: f"{run.facts['unigram_loss']:.3f}"),
    ("masked-LM accuracy", lambda run: _last(run, "masked_lm_accuracy", "{:.1%}")),
    ("target accuracy", lambda run: _last(run, "target_accuracy", "{:.1%}")),
    ("next-sentence accuracy", lambda run: _last(run, "next_sentence_accuracy", "{:.1%}")),
    ("tokens", _tokens),
    ("training time", _seconds),
    ("sequences/s", lambda run: median(run, "sequences_per_second", "{:,.0f}")),
    ("tokens/s", lambda run: median(run, "tokens_per_second", "{:,.0f}")),
)
_OF_BERT = ("masked-LM loss", "masked-LM accuracy", "next-sentence accuracy")
_OF_T5 = ("target loss", "target accuracy")


def settings_rows(runs: Sequence[Run]) -> tuple[list[tuple[str, list[str]]], list]:
    """Settings in which the runs differ, and all others, as (key, a value per run)."""
    flat = [_flatten(_facts_and_recipe(run)) for run in runs]
    rows = [
        (key, [settings.get(key, NONE) for settings in flat])
        for key in dict.fromkeys(key for settings in flat for key in settings)
    ]
    differing = [row for row in rows if len(set(row[1])) > 1]
    return differing, [row for row in rows if row not in differing]


def _facts_and_recipe(run: Run) -> dict:
    facts = run.facts
    recipe = facts["recipe"]
    read = {
        section: {key: recipe[section][key] for key in keys if key in recipe[section]}
        for section, keys in _READ_OF_OTHER_SECTIONS.items()
        if section in recipe
    }
    return {
        **recipe,
        **read,
        "prepare": _settings_of_records(facts),
        "parameters": f"{facts['parameters']:,}",
        "replicas": facts["replicas"],
        "devices": ", ".join(facts["devices"]),
        "meta_parameters": facts.get("meta_parameters"),
        "records": facts["data"],
        "versions": facts["versions"],
    }


def _settings_of_records(facts: Mapping) -> dict:
    """The settings of the records; of the recipe only those that training reads from it."""
    made_with, recipe = facts["data_manifest"]["settings"], facts["recipe"].get("prepare", {})
    return {**made_with, **{key: recipe[key] for key in decided_by_recipe(made_with)}}


def _flatten(settings: Mapping, prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = NONE if value is None else str(value)
    return flat


def data_rows(data: DataFolder) -> list[tuple[str, str]]:
    """The contents of a folder of records, as (name, value)."""
    manifest = data.manifest
    counts, stats = manifest.counts, manifest.statistics
    rows = [
        (name, f"{counts[name]:,}")
        for name in ("documents", "sentences", "tokens")
        if name in counts
    ]
    rows += [
        (
            f"{words} sequences",
            "{sequences:,} from {documents:,} documents".format(**manifest.splits[split]),
        )
        for split, words in _SPLIT_WORDS.items()
        if split in manifest.splits
    ]
    masked, random_next = (
        percent(stats.get(name)) for name in ("masked_share", "random_next_share")
    )
    if manifest.settings.get("masking") == "dynamic":
        masked = "masked in training"
    if manifest.settings.get("objective") in ("mlm", "span_corruption"):
        random_next = "no pairs"
    if manifest.settings.get("bins"):
        rows.append(("bins", f"{manifest.settings['bins']} tokens"))
    rows += [
        ("vocabulary", f"{manifest.vocab['size']:,} pieces"),
        ("masked tokens", masked),
        ("random next sentences", random_next),
        ("unknown tokens", percent(stats.get("unknown_share"), decimals=3)),
        ("rejects", rejects_text(manifest.rejects)),
    ]
    return rows


def rejects_text(rejects: Mapping[str, int]) -> str:
    """{"utf8": 2} -> "2 (utf8 2)"; "none" when there are none."""
    found = {reason: number for reason, number in rejects.items() if number}
    if not found:
        return "none"
    parts = ", ".join(f"{reason} {number:,}" for reason, number in found.items())
    return f"{sum(found.values()):,} ({parts})"


def sequence_lengths(data: DataFolder) -> dict[int, int]:
    """Tokens in a sequence -> sequences, over all splits; empty if not recorded."""
    histogram = data.manifest.statistics.get("length_histogram", [])
    return {length: number for length, number in enumerate(histogram) if number}
