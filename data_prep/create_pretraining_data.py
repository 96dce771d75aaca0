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
from data_prep.job.manifest import Manifest
from data_prep.job.manifest_builder import build_manifest, check_bad_fraction, completed_text
from data_prep.job.summary_table import peak_memory, summary_table
from data_prep.settings import CHOICES, PreparationSettings

_EXAMPLE = """\
example:
  mnemosyne prepare --input 'articles/*.txt.xz' --input 'novels/*.txt::file' \\
      --vocab_file vocab.txt --output records --max_seq_length 128 --heldout_fraction 0.02

A glob may name its layout: GLOB::blank_line (a blank line begins a document; default), ::file (one
document a file), ::line (one document a line), ::jsonl (default for *.jsonl), ::parquet (one
document a row; default for *.parquet), ::mediawiki (XML dump; default for *.xml, *.xml.bz2).
Compression (gzip, bzip2, xz, zstd) is found by content. Flags not listed here are Beam's, such as
--runner=FlinkRunner or --direct_running_mode=multi_processing --direct_num_workers=4. Run again
after a crash, it does only what is missing.
"""

# Of the ideographs of segmented Chinese, about four in ten continue a word.
_FEWEST_JOINED = 0.1

_CHOICES_HELP = {
    "objective": "masked LM with next-sentence pairs, with sentence order, or alone",
    "dedup": "drop documents of equal text",
    "masking": "masked records, or unmasked ones for a trainer that masks anew each epoch",
    "ids": "ids of published checkpoints, or of tensorflow-text's BertTokenizer",
    "compression": "of the shards",
}


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser; the flags carry the names of google-research/bert."""
    parser = argparse.ArgumentParser(
        prog="mnemosyne prepare",
        description="Make masked-LM and next-sentence records from text.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command_flags.add_corpus_flags(parser)
    parser.add_argument(
        "--vocab_file", required=True, help="WordPiece vocabulary, one entry a line"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="new folder for the records")
    add, boolean = parser.add_argument, command_flags.boolean
    add("--max_seq_length", type=int, default=128, help="tokens in a record (default 128)")
    add("--max_predictions_per_seq", type=int, default=20, help="most predictions (default 20)")
    add("--masked_lm_prob", type=float, default=0.15, help="share of tokens to predict (0.15)")
    add("--dupe_factor", type=int, default=10, help="times the text is used, masked anew (10)")
    add("--short_seq_prob", type=float, default=0.1, help="share of shortened documents (0.1)")
    add("--random_seed", type=int, default=12345, help="seed of every choice (12345)")
    add("--do_whole_word_mask", **boolean(False), help="mask whole words (default false)")
    add("--max_ngram", type=int, default=1, help="mask up to so many words as one (1)")
    add("--do_lower_case", **boolean(True), help="lower case, no accents (default true)")
    add("--heldout_fraction", type=float, default=0.02, help="share of held-out documents (0.02)")
    add("--num_shards", type=int, default=8, help="shards of the train split (8)")
    add("--bins", default="", metavar="LENGTHS", help="pad to these lengths: 64,128,256,512 (one)")
    add(
        "--on_bad",
        action="append",
        metavar="[REASON=]POLICY",
        help="bad input: quarantine (default), replace or fail, for all reasons or one; repeat",
    )
    add("--max_bad_fraction", type=float, default=1.0, help="most of the bytes to reject (1)")
    for name, text in _CHOICES_HELP.items():
        choices = CHOICES[name]
        add(f"--{name}", choices=choices, default=choices[0], help=f"{text} ({choices[0]})")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns 0, or raises ValueError or OSError over what the user gave."""
    parser = build_parser()
    flags, beam_flags = parser.parse_known_args(argv)
    command_flags.check_beam_flags(parser, beam_flags, [*flags.input, flags.output])
    from data_prep.wordpiece import check_casing, load_vocabulary

    vocab = load_vocabulary(flags.vocab_file)
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
        job.discard()
        raise
    check_bad_fraction(manifest, flags.max_bad_fraction)
    manifest.save(flags.output)
    job.complete(completed_text(manifest))
    if warning := _warning_of_unsegmented_text(manifest, settings):
        print(f"mnemosyne: warning: {warning}", file=sys.stderr)
    print(summary_table(manifest, seconds=seconds, peak_bytes=peak_memory(), output=flags.output))
    return 0


def _warning_of_unsegmented_text(manifest: Manifest, settings: PreparationSettings) -> str:
    """Returns a sentence if whole words were asked for and the text does not show them."""
    ideographs = manifest.counts["ideographs"]
    joined = manifest.counts["ideographs_in_words"]
    if not settings.do_whole_word_mask or joined >= _FEWEST_JOINED * ideographs:
        return ""
    return (
        f"--do_whole_word_mask true, but {ideographs - joined:,} of {ideographs:,} ideographs are "
        "masked one by one, because no blanks show which of them are a word"
        + (" (--ids tf_text never joins them)" if settings.ids == "tf_text" else "")
        + ". Segment the text by blanks."
    )


def _settings(flags: argparse.Namespace, files: Sequence[InputFile]) -> PreparationSettings:
    return PreparationSettings(
        input=tuple(flags.input),
        input_digest=input_files.digest_of_files(files),
        vocab_sha256=storage.sha256(flags.vocab_file),
        max_seq_length=flags.max_seq_length,
        max_predictions_per_seq=flags.max_predictions_per_seq,
        masked_lm_prob=flags.masked_lm_prob,
        dupe_factor=flags.dupe_factor,
        short_seq_prob=flags.short_seq_prob,
        random_seed=flags.random_seed,
        do_whole_word_mask=flags.do_whole_word_mask,
        do_lower_case=flags.do_lower_case,
        heldout_fraction=flags.heldout_fraction,
        num_shards=flags.num_shards,
        sentences=flags.sentences,
        text_field=flags.text_field,
        max_ngram=flags.max_ngram,
        bins=flags.bins,
        on_bad=",".join(flags.on_bad or ["quarantine"]),
        **{name: getattr(flags, name) for name in _CHOICES_HELP},
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
