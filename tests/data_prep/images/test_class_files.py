import os

import pytest

from data_prep import storage
from data_prep.images.class_files import ClassFile, find_class_files


@pytest.fixture
def folder(tmp_path):
    for name in ("blue/a.png", "blue/deep/b.png", "red/c.png", "red/.hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def test_files_of_all_depths_are_listed_by_class_and_hidden_ones_are_not(folder):
    found = find_class_files(str(folder))
    assert found.classes == ("blue", "red")
    assert found.files == (
        ClassFile("blue/a.png", 0),
        ClassFile("blue/deep/b.png", 0),
        ClassFile("red/c.png", 1),
    )
    assert not found.is_parted


def test_links_are_listed_and_links_to_folders_are_not_followed(folder):
    (folder / "red" / "loop").symlink_to(folder)
    (folder / "red" / "broken").symlink_to("nowhere")
    names = [file.name for file in find_class_files(str(folder)).files if file.label == 1]
    assert names == ["red/broken", "red/c.png", "red/loop"]


def test_a_folder_may_say_what_is_held_out(tmp_path, folder):
    for part in ("train", "val"):
        for name in ("blue", "red"):
            (tmp_path / "parted" / part / name).mkdir(parents=True)
            (tmp_path / "parted" / part / name / "a.png").write_bytes(b"")
    found = find_class_files(str(tmp_path / "parted"))
    assert found.is_parted
    assert [(file.name, file.split) for file in found.files][1:3] == [
        ("train/red/a.png", "train"),
        ("val/blue/a.png", "heldout"),
    ]


def test_a_folder_that_cannot_be_read_is_an_error(folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="deep"):
        find_class_files(str(folder))
    with pytest.raises(PermissionError, match="deep"):
        list(storage.walk(str(folder)))


@pytest.mark.parametrize("kept", [(), ("red",)])
def test_one_class_is_none(tmp_path, kept):
    for name in kept:
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="expected two or more folders"):
        find_class_files(str(tmp_path))
