"""Records are those of google-research/bert's script: same text, same counts within chance.

48 runs of ours over one synthetic text and 200 of theirs, each with its own seed: 27,000 records
and 111,000, 235,000 predictions and 980,000; every histogram must be likelier than 0.001 if both
were one program.
Which test is used for which: `record_statistics`. The script's counts are in `golden`;
`test_google_bert.py` makes them anew where the script is at hand.

Differs: the script may pair a document with itself after ten tries (with sixty documents: never
    seen), takes the partner from all documents (here: one block, so all of them as well), and
    begins no word at a piece that truncation cut off (no matter without whole words).
"""

import dataclasses
import io

import numpy as np
import pytest

from data_prep.beam.tokenized_documents import DocumentBatch
from data_prep.corpus.documents import DocumentReader, document_id
from data_prep.corpus.file_range import FileRange
from data_prep.examples import masking, token_blocks
from data_prep.examples.shards import write_shards
from data_prep.settings import PreparationSettings
from data_prep.wordpiece import WordpieceTokenizer

ALPHA = 1e-3
HISTOGRAMS = (
    "length",
    "next_sentence",
    "length_if_random",
    "a_length",
    "b_length",
    "predictions",
    "replacement",
    "place",
    "replacement_id",
)


@pytest.fixture(scope="session")
def our_runs(record_statistics, tmp_path_factory):
    """Returns `runs(count, **settings)`: name -> counts [count, bins] of our records."""
    folder = tmp_path_factory.mktemp("statistics")
    (folder / "text").write_text(record_statistics.corpus_text())
    (folder / "vocab.txt").write_text("\n".join(record_statistics.VOCAB) + "\n")
    tokenizer = WordpieceTokenizer(str(folder / "vocab.txt"))
    batch = DocumentBatch(tokenizer, "given")
    for document in DocumentReader(FileRange(str(folder / "text"), "blank_line")):
        batch.add("train-00000", document_id(document), document)
    block = token_blocks.merge(packed for _, packed in batch.tokenize())
    settings = PreparationSettings(
        input=(), input_digest="", vocab_sha256="", num_shards=1, **record_statistics.SETTINGS
    )

    def run(seed, changes):
        stream = io.BytesIO()
        write_shards(
            block,
            [stream],
            block_key="train-00000",
            settings=dataclasses.replace(settings, random_seed=seed, **changes),
            tokenizer=tokenizer,
        )
        (folder / "records").write_bytes(stream.getvalue())
        return record_statistics.histograms(record_statistics.read(folder / "records"))

    def runs(count=record_statistics.RUNS, **changes):
        rows = [run(seed, changes) for seed in range(count)]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    return runs


@pytest.fixture(scope="session")
def ours(our_runs):
    return our_runs()


def test_the_text_is_the_one_the_golden_counts_were_made_of(golden, record_statistics):
    assert record_statistics.sha256_of_text() == golden["sha256_of_vocabulary_and_text"]
    assert golden["settings"] == record_statistics.SETTINGS


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_counts_are_those_of_google_within_chance(record_statistics, golden, ours, name):
    theirs = np.array(golden["histograms"][name])
    p_value = record_statistics.difference(ours[name], theirs, name)
    assert p_value > ALPHA, (
        f"{name}: p = {p_value:.2g} for {len(ours[name])} runs of ours, {ours[name].sum():,} in "
        f"all, and {len(theirs)} of theirs, {theirs.sum():,}\nours   {ours[name].sum(axis=0)}\n"
        f"theirs {theirs.sum(axis=0)}"
    )


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("predictions", {"masked_lm_prob": 0.14}),
        ("length", {"short_seq_prob": 0.25}),
        ("next_sentence", {"objective": "mlm_sop"}),
    ],
)
def test_other_settings_are_told_apart(record_statistics, golden, our_runs, name, changes):
    ours = our_runs(16, **changes)[name]
    theirs = np.array(golden["histograms"][name])
    assert record_statistics.difference(ours, theirs, name) < 1e-6


def test_other_shares_of_replacements_are_told_apart(
    record_statistics, golden, our_runs, monkeypatch
):
    # Compiled, a constant stays what it was; the plain function looks it up.
    monkeypatch.setattr(masking, "_replace", masking._replace.py_func)
    monkeypatch.setattr(masking, "_MASK_BELOW", int(0.78 * 2**32))
    ours = our_runs(16)["replacement"]
    theirs = np.array(golden["histograms"]["replacement"])
    assert record_statistics.difference(ours, theirs, "replacement") < 1e-6
