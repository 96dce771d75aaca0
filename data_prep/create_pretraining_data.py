"""`mnemosyne prepare`: a corpus to sharded TFRecords with manifest, in one Beam job."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from data_prep import storage
from data_prep.beam import command_flags
from data_prep.beam.worker_watchdog import WorkerDiedError
from data_prep.corpus import input_files
from data_prep.corpus.input_files import InputFile
from data_prep.job.job_folder import JobFolder
from data_prep.job.manifest_builder import build_manifest, check_bad_fraction, completed_text
from data_prep.job.manifest_warnings import manifest_warnings
from data_prep.job.summary_table import peak_memory, summary_table
from data_prep.settings import PreparationSettings, RecordSettings, from_flags

_EXAMPLE = """\
example:
  mnemosyne prepare --input 'articles/*.txt.xz' --input 'novels/*.txt::file' \\
      --vocab_file vocab.txt --output records --max_seq_length 128 --heldout_fraction 0.02

A glob may name its layout: GLOB::blank_line (a blank line begins a document; default), ::file (one
document a file), ::line (one document a line), ::jsonl (one JSON object a line), ::parquet (one
document a row), ::mediawiki (XML dump). The last three, and compression (gzip, bzip2, xz, lzma,
zstd), are found by content. Flags not listed here are Beam's, such as
--runner=FlinkRunner or --direct_running_mode=multi_processing --direct_num_workers=4. Run again
after a crash, it does only what is missing.
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser; the flags carry the names of google-research/bert."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne prepare",
        description="Make masked-LM and next-sentence records from text.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--vocab_file", required=True, help="WordPiece vocabulary, one entry a line"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="new folder for the records")
    command_flags.add_corpus_flags(parser, RecordSettings)
    parser.add_argument(
        "--max_bad_fraction",
        type=float,
        default=1.0,
        help="fail where more of the bytes are rejected (default 1.0)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or raises ValueError or OSError over what the user gave."""
    parser = build_parser()
    flags, beam_flags = parser.parse_known_args(argv)
    command_flags.check_beam_flags(parser, beam_flags, [*flags.input, flags.output])
    from data_prep.wordpiece import casing_of, check_casing, load_vocabulary

    vocab = load_vocabulary(flags.vocab_file)
    flags.do_lower_case = casing_of(flags.vocab_file, flags.do_lower_case)
    if warning := check_casing(flags.vocab_file, flags.do_lower_case):
        print(f"mnemosyne: warning: {warning}", file=sys.stderr)
    files = input_files.find_input_files(flags.input)
    settings = _settings(flags, files)
    job = JobFolder(flags.output, settings)
    if job.is_completed():
        job.remove_state()
        print(f"already complete: {flags.output}")
        return 0
    units = input_files.plan_work(files, text_field=settings.text_field)
    job.begin(flags.vocab_file)
    started = time.monotonic()
    if not job.is_all_written():
        try:
            _run_pipeline(units, job=job, settings=settings, files=files, beam_flags=beam_flags)
        except WorkerDiedError as error:
            return command_flags.report_dead_worker(error)
    seconds = time.monotonic() - started
    try:
        manifest = build_manifest(job, settings=settings, vocab_size=len(vocab), files=files)
    except ValueError:  # nothing came of this corpus: the next try may use the folder
        job.discard(keep_rejects=True)
        raise
    check_bad_fraction(manifest, flags.max_bad_fraction)
    manifest.save(flags.output)
    job.complete(completed_text(manifest))
    print(summary_table(manifest, seconds=seconds, peak_bytes=peak_memory(), output=flags.output))
    for warning in manifest_warnings(manifest):
        print(f"mnemosyne: warning: {warning}", file=sys.stderr)
    return 0


def _settings(flags: argparse.Namespace, files: Sequence[InputFile]) -> PreparationSettings:
    return from_flags(
        PreparationSettings,
        flags,
        input=tuple(flags.input),
        input_digest=input_files.digest_of_files(files),
        vocab_sha256=storage.sha256(flags.vocab_file),
        do_lower_case=flags.do_lower_case,
    )


def _run_pipeline(units, *, job, settings, files, beam_flags) -> None:
    from data_prep.job.progress import ProgressDisplay

    finished = job.finished_blocks()
    if finished:
        print(
            f"resuming: {len(finished)} of {len(settings.block_keys())} shards are there",
            file=sys.stderr,
        )
    display = ProgressDisplay(
        job.progress_folder,
        bytes_total=sum(file.size for file in files),
        shards_total=len(settings.block_keys()),
        shards_done=len(finished),
    )
    try:
        _run(units, display, job=job, settings=settings, beam_flags=beam_flags)
    except Exception as error:
        if message := job.take_failure():
            raise ValueError(message) from error
        raise


def _run(units, display, *, job, settings, beam_flags) -> None:
    beam = command_flags.import_beam()
    from data_prep.beam import engines
    from data_prep.beam.transforms import PrepareRecords
    from data_prep.job.spill_files import SpillFiles

    is_local = engines.is_local(beam_flags) and not storage.is_remote(job.directory)
    spill = SpillFiles(job.spill_folder if is_local else None)
    with display, command_flags.beam_pipeline(beam_flags) as pipeline:
        # The empty unit makes every block known, so that each has a shard, empty if need be.
        _ = (
            pipeline
            | "Units of work" >> beam.Create([[], *units])
            | "Prepare records" >> PrepareRecords(settings, job.directory, spill)
        )
