"""Classes that cannot be trained on are found before the job begins."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from data_prep.images.class_files import ClassFile, ClassFiles, find_class_files
from data_prep.images.early_checks import check_classes_can_be_trained_on, shard_warning
from data_prep.images.settings import ImageFolderSettings
from data_prep.settings import is_heldout


def settings(**changed):
    return ImageFolderSettings(
        input="", input_digest="", classes=("blue", "red"), **{"heldout_fraction": 0.5, **changed}
    )


def encoded(grey):
    stream = io.BytesIO()
    Image.fromarray(np.full([2, 2], grey, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def contents(held):
    """Yields images that are held out at 0.5, or that are not."""
    for number in range(256):
        content = encoded(number)
        if is_heldout(hashlib.sha256(content).digest(), 0.5) == held:
            yield content


def write(folder, *all_contents):
    folder.mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(all_contents):
        (folder / f"{number}.png").write_bytes(content)


@pytest.fixture
def folder(tmp_path):
    """A class that can be trained on."""
    write(tmp_path / "blue", next(contents(held=False)))
    return tmp_path


def check(folder, **changed):
    check_classes_can_be_trained_on(find_class_files(str(folder)), settings(**changed))


def test_a_class_without_files_is_refused(folder):
    (folder / "red").mkdir()
    with pytest.raises(ValueError, match=r"none in red \(no files\)"):
        check(folder)


def test_a_class_with_files_to_judge_by_alone_is_refused(tmp_path):
    for name in ("train/blue", "test/blue", "test/red"):
        write(tmp_path / name, encoded(0))
    (tmp_path / "train" / "red").mkdir()
    with pytest.raises(ValueError, match=r"none in red \(no files\)"):
        check(tmp_path)


def test_a_class_whose_images_are_all_held_out_is_refused(folder):
    held = contents(held=True)
    write(folder / "red", next(held), next(held))
    with pytest.raises(ValueError, match=r"none in red \(2 held out by their content\).*lower"):
        check(folder)
    check(folder, heldout_fraction=0.0)


@pytest.mark.parametrize("parent", ["", "train"])
def test_a_class_of_files_that_cannot_be_read_is_refused(tmp_path, parent):
    write(tmp_path / parent / "blue", next(contents(held=False)))
    for name in ("blue", "red"):
        write(tmp_path / ("test" if parent else "") / name, next(contents(held=False)))
    write(tmp_path / parent / "red", b"no image", b"", encoded(0)[:45])
    with pytest.raises(ValueError, match=r"none in red \(2 not_an_image, 1 damaged\)") as refused:
        check(tmp_path, heldout_fraction=0.0)
    assert "--heldout_fraction" not in str(refused.value)


def test_a_class_with_an_image_to_train_on_is_none_of_them(folder):
    write(folder / "red", next(contents(held=True)), next(contents(held=False)))
    check(folder)


def test_a_shard_of_more_than_a_gigabyte_is_warned_of():
    files = tuple(ClassFile(str(number), 0) for number in range(100))
    images = ClassFiles("", ("blue", "red"), files)
    # 100 * 4,096 * 4,096 * 3 bytes are 5.03 GB.
    assert shard_warning(images, settings(side=4_096, num_shards=8)) == ""
    warning = shard_warning(images, settings(side=4_096, num_shards=2))
    assert "about 2.5 GB. Give --num_shards 6 for" in warning
