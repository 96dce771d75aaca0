import pytest

from data_prep.corpus.input_files import InputFile
from data_prep.job.job_folder import JobFolder
from data_prep.job.manifest_builder import build_manifest, check_bad_fraction
from data_prep.settings import PreparationSettings

SETTINGS = PreparationSettings(
    input=("a",), input_digest="i", vocab_sha256="v", num_shards=1, heldout_fraction=0.5
)
PART = {
    "documents": 2,
    "documents_duplicate": 0,
    "documents_without_text": 0,
    "sentences": 6,
    "tokens": 50,
    "ideographs": 0,
    "ideographs_in_words": 0,
    "unknown_tokens": 1,
    "sequences": 4,
    "random_next": 3,
    "pairs_without_partner": 0,
    "predictions": 12,
    "sequence_tokens": 80,
    "bytes_out": 999,
    "shards": [{"max_seq_length": 128, "sequences": 4, "sha256": "s"}],
    "length_histogram": [0, 4],
}
COUNTS = {
    "bytes_in": 2_000_000,
    "bytes_ok": 1_999_000,
    "bytes_blank": 990,
    "bytes_dead": 10,
    "documents": 4,
    "lines_cut": 2,
    "reject line:invalid_utf8": 1,
}


@pytest.fixture
def manifest(tmp_path, vocab_file):
    """Returns `manifest(counts, **train)`: built from two parts and the counts."""

    def build(counts=COUNTS, **train):
        job = JobFolder(str(tmp_path / "out"), SETTINGS)
        job.begin(vocab_file)
        job.save_part("train-00000", {**PART, **train})
        job.save_part("heldout-00000", PART)
        if counts:
            job.save_part("counts", counts)
        job.save_part("files", {"a": [2_000_000, 1_999_000, 990, 10, True]})
        files = [InputFile("a", "line", 2_000_000)]
        return build_manifest(job, settings=SETTINGS, vocab_size=9, files=files)

    return build


def test_parts_add_up_and_rejects_stand_apart(manifest):
    built = manifest(sequences=6)
    assert built.splits["train"]["sequences"] == 6
    assert built.counts["sequences"] == 10
    assert built.rejects == {"line:invalid_utf8": 1}
    assert "reject line:invalid_utf8" not in built.counts


def test_statistics_are_shares_of_all_sequences(manifest):
    assert manifest().statistics == {
        "length_histogram": [0, 8],
        "mean_length": 20.0,
        "masked_share": 0.15,
        "random_next_share": 0.75,
        "unknown_share": 0.02,
        "rejected_fraction": 5e-6,
    }


@pytest.mark.parametrize("wrong", [{"documents": 5}, {"bytes_ok": 3}, {"bytes_in": 0}])
def test_a_manifest_that_does_not_balance_is_refused(manifest, wrong):
    with pytest.raises(RuntimeError, match="accounted for"):
        manifest({**COUNTS, **wrong})


def test_dropped_duplicates_are_part_of_the_balance(manifest):
    assert manifest({**COUNTS, "documents": 5}, documents_duplicate=1).splits["train"] is not None
    with pytest.raises(RuntimeError, match="5 documents read and 4 in shards"):
        manifest({**COUNTS, "documents": 5})


def test_more_rejects_than_accepted_are_refused_with_share_and_reasons(manifest):
    check_bad_fraction(manifest(), 0.000005)
    with pytest.raises(ValueError, match=r"0.0000 .line:invalid_utf8 1.. Look into rejects/"):
        check_bad_fraction(manifest(), 0.000004)


def test_missing_counts_are_refused(manifest):
    with pytest.raises(RuntimeError, match="the counts is missing. Run the command again"):
        manifest(None)


def test_a_corpus_without_a_pair_is_refused(manifest):
    counts = {name: number for name, number in COUNTS.items() if "reject" not in name}
    with pytest.raises(ValueError, match="at least one pair .* received 4 documents .* more text"):
        manifest(counts, sequences=0)


def test_a_corpus_of_rejects_is_refused_with_their_causes_numbers_and_where_they_are(manifest):
    counts = {**COUNTS, "reject stream:corrupt": 1_200, "pages_stub": 7, "pages_empty": 0}
    with pytest.raises(ValueError) as caught:
        manifest(counts, sequences=0)
    message = str(caught.value)
    assert "line:invalid_utf8 1, stream:corrupt 1,200, 0.0% of the input" in message
    assert "saved in " in message and "out/rejects. Fetch the file again" in message
    assert "Pages left out were pages_stub 7." in message
