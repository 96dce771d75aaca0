import re

import pytest

from data_prep.job.manifest import Manifest
from data_prep.job.manifest_warnings import manifest_warnings

SETTINGS = {
    "objective": "mlm_nsp",
    "heldout_fraction": 0.02,
    "do_whole_word_mask": False,
    "ids": "bert",
}


def manifest(*, train=None, heldout=None, counts=None, **settings):
    """A manifest of 49 training and one held-out document, with records of both."""
    usual = {"pairs_without_partner": 0, "sequences": 3}
    return Manifest(
        settings={**SETTINGS, **settings},
        vocab={},
        splits={
            "train": {**usual, "documents": 49, **(train or {})},
            "heldout": {**usual, "documents": 1, **(heldout or {})},
        },
        counts=counts or {},
        rejects={},
        statistics={},
        versions={},
    )


def without_partner(count):
    return {"pairs_without_partner": count}


def test_each_split_without_a_second_text_is_named_with_its_number():
    train, heldout = manifest_warnings(
        manifest(train=without_partner(1_234), heldout=without_partner(7))
    )
    assert train.startswith("1,234 pairs of the train split")
    assert heldout.startswith("7 pairs of the heldout split")
    assert "--objective mlm_sop" in heldout


@pytest.mark.parametrize(("objective", "count"), [("mlm_nsp", 0), ("mlm_sop", 5), ("mlm", 0)])
def test_where_every_pair_has_its_partner_nothing_is_said(objective, count):
    assert manifest_warnings(manifest(objective=objective, train=without_partner(count))) == []


@pytest.mark.parametrize(
    ("fraction", "held", "documents", "words"),
    [
        (0.02, 0, 50, "0 of 50 documents .* Give --heldout_fraction 0.09 or more"),
        (0.3, 0, 20, "0 of 20 documents .* Give --heldout_fraction 0.3 or more"),
        (0.02, 1, 50, "1 of 50 documents"),
        (0.02, 0, 1, "0 of 1 documents .* Give more documents .*::line"),
    ],
)
def test_a_heldout_split_without_a_record_is_said_with_what_to_change(
    fraction, held, documents, words
):
    (warning,) = manifest_warnings(
        manifest(
            heldout_fraction=fraction,
            train={"documents": documents - held},
            heldout={"documents": held, "sequences": 0},
        )
    )
    assert warning.startswith("no held-out record")
    assert re.search(f"{words}.* --heldout_fraction 0 to hold none out", warning)


def test_no_heldout_split_as_asked_for_is_no_warning():
    empty = {"documents": 0, "sequences": 0}
    assert manifest_warnings(manifest(heldout_fraction=0.0, heldout=empty)) == []


@pytest.mark.parametrize(
    ("joined", "ids", "words"),
    [
        (9, "bert", "91 of 100 ideographs are masked one by one"),
        (0, "tf_text", r"100 of 100 .*\(--ids tf_text never joins them\)"),
        (40, "bert", None),
    ],
)
def test_whole_words_of_unsegmented_text_are_warned_about(joined, ids, words):
    counts = {"ideographs": 100, "ideographs_in_words": joined}
    found = manifest_warnings(manifest(do_whole_word_mask=True, ids=ids, counts=counts))
    assert len(found) == (words is not None)
    assert all(re.search(words, warning) for warning in found)


def test_text_without_ideographs_has_its_whole_words():
    counts = {"ideographs": 0, "ideographs_in_words": 0}
    assert manifest_warnings(manifest(do_whole_word_mask=True, counts=counts)) == []
