import gzip
import struct

import numpy as np
import pytest

from pipeline.lab.races.tasks import images


@pytest.fixture
def fashion(tmp_path):
    """A folder with the four files, three images each, of which pixel i is i modulo 256."""
    pixels = np.arange(3 * 28 * 28).astype(np.uint8).tobytes()
    for split in ("train", "t10k"):
        pictures, labels = f"{split}-images-idx3-ubyte.gz", f"{split}-labels-idx1-ubyte.gz"
        header = struct.pack(">HBB3I", 0, 8, 3, 3, 28, 28)
        (tmp_path / pictures).write_bytes(gzip.compress(header + pixels))
        header = struct.pack(">HBBI", 0, 8, 1, 3)
        (tmp_path / labels).write_bytes(gzip.compress(header + bytes([7, 0, 9])))
    return tmp_path


def test_images_are_scaled_and_labels_follow_their_header(fashion):
    (pixels, labels), _ = images.load_fashion_mnist(str(fashion))
    assert pixels.shape == (3, 28, 28, 1) and pixels.dtype == np.float32
    assert pixels[0, 0, 5, 0] == np.float32(5) / np.float32(255)
    assert labels.tolist() == [7, 0, 9]


def test_a_missing_file_is_named_with_the_way_out(fashion):
    (fashion / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels.*leave the flag out"):
        images.image_tasks(str(fashion))


def test_held_out_digits_are_never_trained_on():
    (train, _), (held_out, labels) = images.load_digits()
    assert len(train) == 1_437 and len(held_out) == len(labels) == 360
    seen = {image.tobytes() for image in train}
    # The data set itself holds no image twice.
    assert not any(image.tobytes() in seen for image in held_out)


@pytest.mark.parametrize("build", [images.build_mlp, images.build_cnn])
def test_models_give_a_logit_for_each_class(build):
    assert build()(np.zeros((2, 8, 8, 1), np.float32)).shape == (2, 10)
