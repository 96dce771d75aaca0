import gzip
import struct

import numpy as np
import pytest

from pipeline.vision.images.sources import read_images


def write_idx(folder, prefix="train", count=3, images=None):
    """Writes images 0, 1, 2, ... of 2 by 3 pixels and labels that count down."""
    folder.mkdir(exist_ok=True)
    pixels = np.arange(count, dtype=np.uint8).repeat(6) if images is None else images
    for content, shape, values in (
        ("images", (count, 2, 3), pixels),
        ("labels", (count,), np.arange(count, dtype=np.uint8)[::-1]),
    ):
        header = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
        path = folder / f"{prefix}-{content}-idx{len(shape)}-ubyte.gz"
        path.write_bytes(gzip.compress(header + values.tobytes()))
    return folder


def read(source):
    return read_images(str(source), resolution=8)


@pytest.fixture
def idx_folder(tmp_path):
    write_idx(tmp_path / "idx")
    return write_idx(tmp_path / "idx", "t10k", 2)


def test_idx_files_are_read(idx_folder):
    data = read(idx_folder)
    assert (data.classes, data.mirrored) == (("0", "1", "2"), False)
    assert data.train.images.shape == (3, 2, 3, 1)
    np.testing.assert_array_equal(data.train.images[:, 0, 0, 0], [0, 1, 2])
    np.testing.assert_array_equal(data.train.labels, [2, 1, 0])
    assert data.heldout.names == ("t10k 0", "t10k 1")


def test_a_truncated_idx_file_is_named(idx_folder):
    path = idx_folder / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="t10k-images.*expected a gzipped IDX file"):
        read(idx_folder)


def test_a_header_that_lies_is_an_error(idx_folder):
    write_idx(idx_folder, "train", 3, images=np.zeros(17, np.uint8))
    with pytest.raises(ValueError, match="expected 18 values, as its header says, received 17"):
        read(idx_folder)
    write_idx(idx_folder, "train", 3, images=np.zeros(19, np.uint8))
    with pytest.raises(ValueError, match="expected 18 values.*received more"):
        read(idx_folder)


def test_a_missing_idx_file_is_an_error(idx_folder):
    (idx_folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels"):
        read(idx_folder)


def test_digits_come_from_scikit_learn():
    data = read("digits")
    assert (len(data.train), len(data.heldout), len(data.classes)) == (1437, 360, 10)
    assert data.train.images.max() == 255


@pytest.mark.parametrize("setting", [{"heldout_fraction": 0.2}, {"max_pixels": 10**6}])
def test_settings_of_class_folders_are_refused_elsewhere(idx_folder, setting):
    for source in ("digits", str(idx_folder)):
        with pytest.raises(ValueError, match=f"--{next(iter(setting))}: expected none"):
            read_images(source, resolution=8, **setting)


def test_any_set_is_drawn_from_as_it_is_read():
    drawn = read_images("digits", resolution=8, max_train=6, max_heldout=2, seed=1)
    assert drawn.sha256() == read("digits").drawn(6, 2, 1).sha256()


def test_class_folders_are_kept_with_room_for_crops(colour_folder):
    assert read(colour_folder).train.images.shape[1:] == (9, 9, 3)  # 8 * 8 / 7, rounded


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected 'digits' or a folder"):
        read(tmp_path / "nothing")


def test_a_drawn_part_follows_from_the_seed(colour_folder):
    data = read(colour_folder)
    one, same, other = (data.drawn(6, 2, seed) for seed in (1, 1, 2))
    assert (len(one.train), len(one.heldout)) == (6, 2)
    assert one.sha256() == same.sha256() != other.sha256()
    assert data.drawn(0, 99, 1).sha256() == data.sha256()
