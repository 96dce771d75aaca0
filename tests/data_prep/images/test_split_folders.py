"""Which folders are splits, and which are classes."""

import pytest

from data_prep.images.class_files import find_class_files


def make(top, *files):
    for name in files:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"")
    return str(top)


def parted(top, *splits):
    return make(top, *(f"{split}/{name}/a.png" for split in splits for name in ("blue", "red")))


@pytest.mark.parametrize(
    ("train", "heldout"),
    [
        ("train", "val"),
        ("Train", "Test"),
        ("Training", "Testing"),
        ("TRAIN", "valid"),
        ("train", "dev"),
        ("train", "validation"),
    ],
)
def test_two_folders_of_usual_names_are_splits(tmp_path, train, heldout):
    found = find_class_files(parted(tmp_path, train, heldout))
    assert found.classes == ("blue", "red")
    assert [(file.name, file.split) for file in found.files] == [
        (f"{train}/blue/a.png", "train"),
        (f"{train}/red/a.png", "train"),
        (f"{heldout}/blue/a.png", "heldout"),
        (f"{heldout}/red/a.png", "heldout"),
    ]


@pytest.mark.parametrize(
    "splits", [("train", "val", "test"), ("train", "Train", "test"), ("train",), ("test", "val")]
)
def test_splits_that_are_not_two_are_refused_and_named(tmp_path, splits):
    with pytest.raises(ValueError, match=f"received {', '.join(sorted(splits))}"):
        find_class_files(parted(tmp_path, *splits))


def test_a_split_without_its_partner_is_no_class(tmp_path):
    parted(tmp_path, "train")
    with pytest.raises(ValueError, match="one folder to judge by.*received train"):
        find_class_files(make(tmp_path, "holdout/blue/a.png"))


def test_a_class_may_be_called_train(tmp_path):
    found = find_class_files(make(tmp_path, "bus/a.png", "train/a.png", "tram/a.png"))
    assert found.classes == ("bus", "train", "tram")
    assert not found.is_parted


def test_splits_without_classes_are_no_classes(tmp_path):
    with pytest.raises(ValueError, match="train: expected two or more folders"):
        find_class_files(make(tmp_path, "train/a.png", "test/a.png"))
