import contextlib
import io
import json
import os
import string

import pytest

from pipeline.commands import bench
from pipeline.lab.prepare import processor, story

GOOGLE_BERT_DIR = os.environ.get("GOOGLE_BERT_DIR", "")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A vocabulary, and 200 documents of one paragraph of ten sentences, no two alike."""
    folder = tmp_path_factory.mktemp("corpus")
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "."]
    entries += [*string.ascii_lowercase, *("##" + letter for letter in string.ascii_lowercase)]
    (folder / "vocab.txt").write_text("".join(f"{entry}\n" for entry in entries))
    sentences = [f"The cat {'sat ' * size}here." for size in range(1, 10)]
    documents = [" ".join([f"This is cat {number}.", *sentences]) for number in range(200)]
    (folder / "text.txt").write_text("\n\n".join(documents))
    return folder


def _bench(corpus, *flags):
    given = [f"--input={corpus / 'text.txt'}", f"--vocab_file={corpus / 'vocab.txt'}"]
    return bench.main(["prepare", *given, *flags])


@pytest.fixture(scope="module")
def measured(corpus):
    """Returns the figures by program, and what was printed."""
    flags = ["--max_seq_length=32", "--dupe_factor=1", "--megabytes=0.05"]
    if GOOGLE_BERT_DIR:
        flags += [f"--google_bert={GOOGLE_BERT_DIR}", "--google_megabytes=0.02"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert _bench(corpus, *flags, f"--output={corpus / 'bench.json'}") == 0
    figures = json.loads((corpus / "bench.json").read_text())
    assert figures["processor"] == processor.name()
    return figures["cases"][0]["contestants"], printed.getvalue()


@pytest.mark.slow
def test_all_programs_make_as_many_records_of_the_same_text(measured):
    contestants, printed = measured
    assert list(contestants)[:3] == [story.OURS, story.OURS_SPLITTING, story.IDIOMATIC]
    ours = contestants[story.OURS]
    for figures in contestants.values():
        ratio = figures["megabytes"] / ours["megabytes"]
        assert figures["sequences"] / ours["sequences"] == pytest.approx(ratio, rel=0.15)
    assert printed.splitlines()[-1].startswith("mnemosyne makes records at ")
    assert f"processor: {processor.name()}, core " in printed


@pytest.mark.slow
@pytest.mark.skipif(not GOOGLE_BERT_DIR, reason="GOOGLE_BERT_DIR, its folder, is not set")
def test_google_gets_the_first_megabytes_of_the_text(measured):
    assert 0.02 <= measured[0][story.GOOGLE]["megabytes"] < 0.025


@pytest.mark.slow
@pytest.mark.skipif(bool(GOOGLE_BERT_DIR), reason="GOOGLE_BERT_DIR is set")
def test_without_googles_program_it_says_how_to_have_it(measured):
    contestants, printed = measured
    assert story.GOOGLE not in contestants
    assert "google-research/bert is not measured. To have it: --google_bert DIR" in printed


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--megabytes=0", "--megabytes: expected more than 0, received 0"),
        ("--repeats=-1", "--repeats: expected more than 0, received -1"),
        ("--core=4096", r"--core: expected one of \[.*received 4096"),
    ],
)
def test_flags_that_make_no_sense_are_refused(corpus, flag, message):
    with pytest.raises(ValueError, match=message):
        _bench(corpus, flag)


def test_folder_without_the_script_says_how_to_get_it(corpus, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"create_pretraining_data.py.*pip download"):
        _bench(corpus, f"--google_bert={tmp_path}")


def test_missing_vocabulary_is_found_before_anything_runs(corpus):
    with pytest.raises(FileNotFoundError, match="mnemosyne vocab"):
        bench.main(["prepare", "--input=text.txt", "--vocab_file=nothing.txt"])
