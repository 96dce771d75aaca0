"""`mnemosyne report`: folders of records, runs and scores -> one HTML page.

The page is one file without scripts or outside parts: pictures are inline SVG,
and it follows the reader's light or dark setting.
"""

import argparse
import datetime
import importlib.metadata
import os
import uuid
from collections.abc import Sequence

_EPILOG = """example:
  mnemosyne report runs/tiny/data runs/tiny/pretrain runs/tiny/glue --output report.html

a folder is known by what it holds: manifest.json (records), run.json (a
pre-training run, finished or not), results.json (GLUE scores). Several runs are
drawn together, in the order given.
"""


def build_parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne report",
        description="Write one self-contained HTML page about data, runs and scores.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("directories", nargs="+", metavar="DIR", help="output folder of a command")
    parser.add_argument("--output", default="report.html", metavar="FILE", help="%(default)s")
    parser.add_argument("--title", default="Pre-training report", help="%(default)s")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Writes the page and prints its path last; returns 0.

    Raises:
      FileNotFoundError: If a folder is missing.
      ValueError: If a folder is none of the three kinds, or a file is malformed.
      OSError: If the page cannot be written.
    """
    args = build_parser().parse_args(argv)
    # Only now: the plotting library takes a second, and --help needs none of it.
    from pipeline.report.sources import read_sources

    page = render(read_sources(args.directories), title=args.title)
    _write(args.output, page)
    print(os.path.abspath(args.output))
    return 0


def _write(path: str, page: str) -> None:
    """Writes under a temporary name, then renames: the page is whole or not there."""
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(page)
        os.replace(temporary, path)
    except OSError as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise OSError(
            f"--output {path}: expected a file that can be written, received "
            f"{error.strerror}; name another"
        ) from error


def render(sources, *, title: str) -> str:
    """Returns the page of `report_sources.Sources` as HTML text."""
    import jinja2

    from pipeline.report import plots, scores, tables

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    runs = sources.runs
    differing, shared = tables.settings_rows(runs)
    official = [table for table in sources.scores if not table.results["sample_tasks"]]
    sample = [table for table in sources.scores if table.results["sample_tasks"]]
    return environment.get_template("report.html").render(
        title=title,
        written=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        version=_version(),
        runs=runs,
        num_series=plots.NUM_SERIES,
        best_run=tables.best_run(runs),
        cards=tables.cards(runs, sources.scores),
        run_columns=tables.RUN_COLUMNS,
        run_rows=tables.run_rows(runs),
        pictures=_pictures(runs),
        score_tables=[
            ("GLUE", "", scores.score_table(official, runs)),
            ("Sample tasks", "not GLUE", scores.score_table(sample, runs)),
        ],
        differing_settings=differing,
        shared_settings=shared,
        data=[(folder, tables.data_rows(folder), _histogram(folder)) for folder in sources.data],
    )


def _pictures(runs) -> dict[str, list[tuple[str, str]]]:
    """Heading -> pictures with their captions; empty without logged rows."""
    import markupsafe

    from pipeline.report import plots

    if not any(run.train or run.heldout for run in runs):
        return {}
    plateaus = dict.fromkeys(round(run.facts["unigram_loss"], 2) for run in runs)
    unigram = {f"unigram plateau {value:.2f}": value for value in plateaus}
    paired = [run for run in runs if run.logs("next_sentence_accuracy")]
    shares = dict.fromkeys(run.majority_share for run in paired)
    one_answer = {
        f"one answer for all: {value:.1%}": round(value, 3) for value in shares if value is not None
    }

    def picture(metric: str, against: str, references, **options) -> markupsafe.Markup:
        return markupsafe.Markup(
            plots.curves(runs, metric=metric, against=against, references=references, **options)
        )

    share = {"is_share": True}
    accuracies = [
        ("masked tokens predicted right", picture("masked_lm_accuracy", "step", {}, **share))
    ]
    if paired:
        pairs = picture("next_sentence_accuracy", "step", one_answer, **share)
        accuracies.append(("sentence pairs told right", pairs))
    return {
        "Masked-LM loss": [
            ("nats per masked token, by step", picture("masked_lm_loss", "step", unigram)),
            (
                "nats per masked token, by training time",
                picture("masked_lm_loss", "seconds", unigram),
            ),
        ],
        "Accuracy": accuracies,
    }


def _histogram(folder):
    import markupsafe

    from pipeline.report import plots
    from pipeline.report.tables import sequence_lengths

    lengths = sequence_lengths(folder)
    return markupsafe.Markup(plots.length_histogram(lengths)) if lengths else None


def _version() -> str:
    try:
        return f" {importlib.metadata.version('mnemosyne-bert')}"
    except importlib.metadata.PackageNotFoundError:
        return ""  # Run from a source folder.
