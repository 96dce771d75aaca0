import pytest

from data_prep.job.manifest import Manifest
from data_prep.job.manifest_warnings import manifest_warnings


def manifest(objective="mlm_nsp", *, train=0, heldout=0):
    splits = {"train": train, "heldout": heldout}
    return Manifest(
        settings={"objective": objective},
        vocab={},
        splits={name: {"pairs_without_partner": count} for name, count in splits.items()},
        counts={},
        rejects={},
        statistics={},
        versions={},
    )


def test_each_split_without_a_second_text_is_named_with_its_number():
    train, heldout = manifest_warnings(manifest(train=1_234, heldout=7))
    assert train.startswith("1,234 pairs of the train split")
    assert heldout.startswith("7 pairs of the heldout split")
    assert "--objective mlm_sop" in heldout


@pytest.mark.parametrize(("objective", "train"), [("mlm_nsp", 0), ("mlm_sop", 5), ("mlm", 0)])
def test_where_every_pair_has_its_partner_nothing_is_said(objective, train):
    assert manifest_warnings(manifest(objective, train=train)) == []
