"""The report: folders of records, runs and scores to one HTML page.

The page is one file without scripts or outside parts: pictures are inline SVG, and it follows the
reader's light or dark setting.
"""

import dataclasses
import datetime
import importlib.metadata
import os
import re
from collections.abc import Mapping, Sequence

import jinja2
from markupsafe import Markup, escape

from data_prep import storage
from pipeline.report import hardware, headline_figures, plots, scores, tables
from pipeline.report.sources import DataFolder, Run, Sources, read_sources

# What a loss is drawn against, where a run logged it.
_AXES = {"step": "step", "tokens": "tokens without padding", "seconds": "training time"}

_SCORE_HEADINGS = {
    "glue": ("GLUE", ""),
    "sample": ("Sample tasks", "not GLUE"),
    "own": ("Own tasks", ""),
}


def write_page(directories: Sequence[str], *, output: str, title: str) -> None:
    """Writes the page about some folders, whole or not at all.

    Args:
      directories: output folders of `mnemosyne prepare`, `pretrain` and `glue`.
      output: path of the page.
      title: its heading.

    Raises:
      FileNotFoundError: If a folder is missing.
      ValueError: If a folder is none of the three kinds, or a file is malformed.
      OSError: If the page cannot be written.
    """
    page = render(read_sources(directories), title=title)
    try:
        storage.make_folder(os.path.dirname(os.path.abspath(output)))
        storage.write_whole(output, page.encode("utf-8"))
    except OSError as error:
        raise OSError(
            f"--output {output}: expected a file that can be written, received "
            f"{error.strerror}; name another"
        ) from error


def render(sources: Sources, *, title: str) -> str:
    """Returns the page as HTML text."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["breakable"] = _breakable
    runs = sources.runs
    differing, shared = tables.settings_rows(runs)
    return environment.get_template("report.html").render(
        title=title,
        written=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        version=_version(),
        runs=runs,
        num_series=plots.NUM_SERIES,
        best_run=headline_figures.best_run(runs),
        cards=headline_figures.cards(runs, sources.scores),
        run_columns=tables.run_columns(runs),
        tokens_of_losses=_tokens_of_losses(runs),
        run_rows=tables.run_rows(runs),
        run_notes=tables.run_notes,
        hardware=hardware.hardware_table(runs),
        pictures=_pictures(runs),
        score_tables=[
            (heading, warning, scores.score_table(sources.scores_of(kind), runs))
            for kind, (heading, warning) in _SCORE_HEADINGS.items()
        ],
        differing_settings=differing,
        shared_settings=shared,
        data=[(folder, tables.data_rows(folder), _histogram(folder)) for folder in sources.data],
    )


def _pictures(runs: Sequence[Run]) -> dict[str, list[tuple[str, Markup]]]:
    """Heading -> pictures with their captions; empty without logged rows."""
    if not any(run.train or run.heldout for run in runs):
        return {}
    accuracies, losses = [], []
    for word, metric, of_kind in _kinds(runs):
        plateaus = dict.fromkeys(round(run.facts["unigram_loss"], 2) for run in of_kind)
        unigram = {f"unigram plateau {value:.2f}": value for value in plateaus}
        accuracy = _curves(runs, f"{metric}_accuracy", is_fraction=True)
        accuracies.append((f"{word} tokens predicted correctly", accuracy))
        losses += [
            (
                f"nats per {word} token, by {words}",
                _curves(runs, f"{metric}_loss", against=against, references=unigram),
            )
            for against, words in _AXES.items()
            if any(against in row for run in of_kind for row in (*run.train, *run.heldout))
        ]
    if paired := [run for run in runs if run.logs("next_sentence_accuracy")]:
        pairs = _curves(
            runs, "next_sentence_accuracy", references=_majorities(paired), is_fraction=True
        )
        accuracies.append(("sentence pairs classified correctly", pairs))
        losses.append(("nats per sentence pair, by step", _curves(runs, "next_sentence_loss")))
    pictures = {"Loss": losses, "Accuracy": accuracies, "Steps": _pictures_of_steps(runs)}
    return {heading: shown for heading, shown in pictures.items() if shown}


def _pictures_of_steps(runs: Sequence[Run]) -> list[tuple[str, Markup]]:
    """How far each role of variables moves, and what a learned part made of its rate.

    A multiplier that is 1 in all steps of all runs has no picture.
    """
    watched = [dataclasses.replace(run, train=run.steps, heldout=()) for run in runs]
    rows = [row for run in runs for row in run.steps]
    captions = {
        "relative_step": "step over weight, RMS, by step: {role}",
        "multiplier": "what the memory multiplied the rate by, by step: {role}",
    }
    shown = []
    for kind, caption in captions.items():
        metrics = dict.fromkeys(key for row in rows for key in row if key.startswith(f"{kind}/"))
        for metric in metrics:
            if kind == "relative_step" or any(row.get(metric, 1.0) != 1.0 for row in rows):
                role = metric.removeprefix(f"{kind}/").replace("_", " ")
                picture = _curves(watched, metric, is_ratio=True)
                shown.append((caption.format(role=role), picture))
    return shown


def _kinds(runs: Sequence[Run]) -> list[tuple[str, str, list[Run]]]:
    """What tokens are called, the stem of their metrics, and the runs that predict such ones."""
    kinds = [
        ("masked", "masked_lm", [run for run in runs if not run.is_of_a_t5]),
        ("target", "target", [run for run in runs if run.is_of_a_t5]),
    ]
    return [kind for kind in kinds if kind[2]]


def _tokens_of_losses(runs: Sequence[Run]) -> str:
    """masked, target, or masked or target."""
    return " or ".join(word for word, _, _ in _kinds(runs))


def _breakable(key: str) -> Markup:
    """The key of a setting, which may go on in a new line after a dot and an underscore."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(key))))


def _majorities(runs: Sequence[Run]) -> dict[str, float]:
    """Label -> accuracy of the more frequent answer for every pair."""
    known = dict.fromkeys(run.majority_accuracy for run in runs)
    return {f"majority class {value:.1%}": round(value, 3) for value in known if value is not None}


def _curves(
    runs: Sequence[Run],
    metric: str,
    *,
    against: str = "step",
    references: Mapping[str, float] | None = None,
    **scale: bool,
) -> Markup:
    return Markup(
        plots.curves(runs, metric=metric, against=against, references=references or {}, **scale)
    )


def _histogram(folder: DataFolder) -> Markup | None:
    lengths = tables.sequence_lengths(folder)
    return Markup(plots.length_histogram(lengths)) if lengths else None


def _version() -> str:
    try:
        return f" {importlib.metadata.version('mnemosyne-bert')}"
    except importlib.metadata.PackageNotFoundError:
        return ""  # Run from a source folder.
