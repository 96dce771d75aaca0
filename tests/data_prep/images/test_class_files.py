import os

import pytest

from data_prep import storage
from data_prep.images.class_files import (
    ClassFile,
    find_class_files,
    refuse_output_among_images,
)


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


def test_nothing_in_hidden_folders_is_an_image(folder):
    before = find_class_files(str(folder))
    for name in ("red/.thumbnails/c.png", "red/deep/.cache/more/d.png", ".trash/e.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    assert find_class_files(str(folder)) == before


def test_a_hidden_folder_need_not_be_readable(folder, monkeypatch):
    (folder / "red" / ".private").mkdir()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith(".private"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert len(find_class_files(str(folder)).files) == 3


def test_a_class_whose_name_is_not_utf_8_is_refused_with_its_folder(folder):
    (folder / os.fsdecode(b"gr\xfcn")).mkdir()
    with pytest.raises(ValueError, match=r"in UTF-8, received gr\\udcfcn\. Rename"):
        find_class_files(str(folder))


@pytest.mark.parametrize("output", ["", "runs", "blue/runs", "blue/../runs"])
def test_an_output_among_images_is_refused(folder, output):
    with pytest.raises(ValueError, match="expected a folder outside of --images"):
        refuse_output_among_images(str(folder), str(folder / output))


def test_an_output_beside_images_is_allowed(folder):
    refuse_output_among_images(str(folder / "blue"), str(folder / "blue_runs"))
    refuse_output_among_images("gs://bucket/a", "gs://bucket/b")


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
