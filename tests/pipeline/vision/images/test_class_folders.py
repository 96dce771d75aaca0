import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline.vision.images import class_folders
from pipeline.vision.images.class_folders import read_class_folders


def read(folder, **changed):
    settings = {"side": 4, "max_pixels": 10**6}
    return read_class_folders(folder, **{**settings, **changed})


def test_classes_are_folders_and_a_part_of_each_is_held_out(colour_folder):
    data = read(colour_folder)
    assert data.classes == ("blue", "red")
    assert (len(data.train), len(data.heldout)) == (16, 4)
    np.testing.assert_array_equal(np.bincount(data.heldout.labels), [2, 2])
    assert data.train.images.shape == (16, 4, 4, 3)
    blue = data.train.images[data.train.labels == 0]
    assert blue[..., 2].min() > blue[..., 0].max()


def test_which_ones_are_held_out_follows_from_content_alone(colour_folder):
    before = read(colour_folder).heldout.images
    for path in list((colour_folder / "red").iterdir()):
        path.rename(path.with_name(f"renamed {path.name}"))
    after = read(colour_folder).heldout.images
    np.testing.assert_array_equal(before, after)


def test_copies_of_an_image_are_on_the_same_side(colour_folder):
    for path in list((colour_folder / "red").iterdir()):
        for copy in ("a", "b"):
            shutil.copy(path, path.with_name(f"{copy}{path.name}"))
    data = read(colour_folder, heldout_fraction=0.25)
    sides = [{image.tobytes() for image in split.images} for split in (data.train, data.heldout)]
    assert not sides[0] & sides[1]


def test_folders_of_splits_are_taken_as_they_are(tmp_path, colour_folder):
    folder = tmp_path / "parted"
    shutil.copytree(colour_folder, folder / "train")
    shutil.copytree(colour_folder, folder / "test")
    shutil.rmtree(folder / "test" / "blue")
    (folder / "test" / "blue").mkdir()
    shutil.copy(folder / "train" / "blue" / "0.png", folder / "test" / "blue")
    data = read(folder)
    assert (len(data.train), len(data.heldout)) == (20, 11)
    assert data.heldout.names[0] == "test/blue/0.png"
    with pytest.raises(ValueError, match="--heldout_fraction: expected none.*received 0.2"):
        read(folder, heldout_fraction=0.2)
    (folder / "test" / "green").mkdir()
    with pytest.raises(ValueError, match="received also green"):
        read(folder)


def test_bad_files_are_counted_and_named(colour_folder):
    (colour_folder / "red" / "notes.txt").write_text("not an image")
    (colour_folder / "red" / ".DS_Store").write_bytes(b"hidden")
    Image.new("RGB", (2_000, 2_000)).save(colour_folder / "blue" / "huge.png")
    data = read(colour_folder)
    found = {(each.file, each.reason) for each in data.rejects}
    assert found == {("red/notes.txt", "not_an_image"), ("blue/huge.png", "too_many_pixels")}
    assert len(data.train) + len(data.heldout) == 20


def test_a_class_without_images_is_an_error(colour_folder):
    (colour_folder / "green").mkdir()
    for name in ("bad.png", "worse.png"):
        (colour_folder / "green" / name).write_text(name)
    with pytest.raises(ValueError, match=r"received none in 'green' \(1 files"):
        read(colour_folder)


def test_a_class_without_files_is_an_error_before_an_image_is_decoded(colour_folder, monkeypatch):
    monkeypatch.delattr(class_folders, "_read")
    (colour_folder / "green").mkdir()
    with pytest.raises(ValueError, match="images to train on .* received none in 'green'. Add"):
        read(colour_folder)
    (colour_folder / "green" / "only.png").write_bytes(b"")
    with pytest.raises(ValueError, match="images to judge by .* received none in 'green'. Add"):
        read(colour_folder)


def test_only_what_is_drawn_is_decoded(colour_folder, monkeypatch):
    drawn = read(colour_folder).drawn(6, 2, seed=1)
    decoded = []
    read_square = class_folders.read_square

    def counted(path, side, max_pixels):
        decoded.append(path)
        return read_square(path, side, max_pixels)

    monkeypatch.setattr(class_folders, "read_square", counted)
    found = read(colour_folder, max_train=6, max_heldout=2, seed=1)
    assert len(decoded) == 8
    assert found.sha256() == drawn.sha256()
    assert (found.train.names, found.heldout.names) == (drawn.train.names, drawn.heldout.names)


def test_a_set_has_the_name_of_its_folder(colour_folder, monkeypatch):
    monkeypatch.chdir(colour_folder)
    assert read(pathlib.Path(".")).name == "colours"
    monkeypatch.chdir("..")
    folder = pathlib.Path(os.fsdecode(b"gr\xfcn"))
    colour_folder.rename(folder)
    assert read(folder).name == r"gr\udcfcn"


def test_images_without_class_folders_are_an_error(colour_folder):
    with pytest.raises(ValueError, match="expected two or more folders"):
        read(colour_folder / "red")


def test_more_than_memory_holds_is_refused_before_decoding(colour_folder):
    with pytest.raises(ValueError, match="at most half of the memory"):
        read(colour_folder, side=10**6)
