"""What the commands of data preparation share: flags of the corpus, and Beam's own flags."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from data_prep.beam import engines
from data_prep.beam.worker_watchdog import WorkerDiedError, WorkerWatchdog
from data_prep.settings import CorpusSettings, add_flags


def add_corpus_flags(
    parser: argparse.ArgumentParser, settings: type[CorpusSettings] = CorpusSettings
) -> None:
    """Adds `--input` and a flag for every setting of a command that reads a corpus.

    Args:
        parser: of the command.
        settings: the dataclass of the command's settings.
    """
    parser.add_argument(
        "--input",
        required=True,
        action="append",
        metavar="GLOB[::LAYOUT]",
        help="files of text; repeat the flag for more",
    )
    add_flags(parser, settings)


def check_beam_flags(
    parser: argparse.ArgumentParser, beam_flags: Sequence[str], paths: Sequence[str] = ()
) -> None:
    """Refuses flags that neither the command nor Beam knows; Beam would ignore them in silence.

    Args:
        parser: of the command.
        beam_flags: what it left over.
        paths: what workers read and write; the engine must reach them.

    Raises:
        ValueError: names the flag and the nearest known one, or what the engine lacks.
        FileNotFoundError: a file that the engine needs is not there.
    """
    if not beam_flags:
        return
    import_beam()
    engines.declare_options(beam_flags)
    from apache_beam.options.pipeline_options import PipelineOptions

    beam_parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for options in _subclasses(PipelineOptions):
        with contextlib.suppress(argparse.ArgumentError, AttributeError):
            options._add_argparse_args(beam_parser)
    _, unknown = beam_parser.parse_known_args(list(beam_flags))
    if not unknown:
        engines.check_engine(beam_flags, paths)
        return
    flag = unknown[0].split("=")[0]
    ours = [name for action in parser._actions for name in action.option_strings]
    nearest = difflib.get_close_matches(flag, ours, n=1)
    hint = f" Did you mean {nearest[0]}?" if nearest else " See --help."
    raise ValueError(
        f"Expected a flag of `{parser.prog}` or of Apache Beam, received {unknown[0]!r}.{hint}"
    )


def _subclasses(cls: type) -> Iterator[type]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def import_beam() -> Any:
    """Imports Beam without its warnings about cloud clients that are not installed."""
    logging.disable(logging.WARNING)
    try:
        import apache_beam
    finally:
        logging.disable(logging.NOTSET)
    return apache_beam


def report_dead_worker(error: WorkerDiedError) -> int:
    """Prints what happened and returns the exit code."""
    print(f"mnemosyne: error: {error}", file=sys.stderr)
    return 1


@contextlib.contextmanager
def beam_pipeline(beam_flags: Sequence[str]) -> Iterator[Any]:
    """Gives a Beam pipeline that runs when the block ends, with the local engine if none is named.

    What the engine started is ended with it.
    """
    beam = import_beam()
    from apache_beam.options.pipeline_options import PipelineOptions

    pipeline = beam.Pipeline(options=PipelineOptions(engines.complete_flags(beam_flags)))
    try:
        with WorkerWatchdog(), pipeline:
            yield pipeline
    finally:
        engines.release(getattr(pipeline, "result", None))
