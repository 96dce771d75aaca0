import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from data_prep.images.image_file import RejectedImage, read_square

LIMIT = 10**6


def read(path, side=4, limit=LIMIT):
    return read_square(path, side, limit)


def reason(path, limit=LIMIT):
    with pytest.raises(RejectedImage) as rejected:
        read(path, limit=limit)
    return rejected.value.reason


def colour(path):
    """The one colour of an image whose pixels are all alike."""
    pixels = read(path).reshape(-1, 3)
    np.testing.assert_array_equal(pixels, np.broadcast_to(pixels[0], pixels.shape))
    return tuple(int(each) for each in pixels[0])


def test_the_middle_square_is_kept(tmp_path):
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:8] = 200
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    np.testing.assert_array_equal(read(tmp_path / "wide.png"), np.full((4, 4, 3), 200))


def test_an_image_stands_upright_as_its_exif_says(tmp_path):
    pixels = np.zeros((4, 4, 3), np.uint8)
    pixels[0] = 255  # a white row on top
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter to the right
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    upright = read(tmp_path / "turned.png")
    np.testing.assert_array_equal(upright[:, 3], 255)
    np.testing.assert_array_equal(upright[:, :3], 0)


def test_cmyk_becomes_rgb(tmp_path):
    # No cyan, all magenta and yellow: red.
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.tif")
    assert colour(tmp_path / "print.tif") == (255, 0, 0)


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bits_are_scaled_not_cut_off(tmp_path, name):
    # 32,896 = 128 * 257, the middle of 16 bits.
    Image.fromarray(np.full((8, 8), 32_896, np.uint16)).save(tmp_path / name)
    assert colour(tmp_path / name) == (128, 128, 128)


def test_what_is_transparent_lies_on_white(tmp_path):
    Image.new("RGBA", (8, 8), (10, 20, 30, 0)).save(tmp_path / "glass.png")
    assert colour(tmp_path / "glass.png") == (255, 255, 255)


def test_grey_and_palettes_become_rgb(tmp_path):
    Image.new("L", (8, 8), 7).save(tmp_path / "grey.png")
    Image.new("RGB", (8, 8), (9, 8, 7)).quantize(4).save(tmp_path / "palette.png")
    assert colour(tmp_path / "grey.png") == (7, 7, 7)
    assert colour(tmp_path / "palette.png") == (9, 8, 7)


def test_animated_images_are_rejected_and_single_frames_are_not(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "still.gif")
    assert reason(tmp_path / "moves.gif") == "animated"
    assert read(tmp_path / "still.gif").shape == (4, 4, 3)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
def test_a_truncated_image_is_damaged(tmp_path, name):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert reason(tmp_path / name) == "damaged"


@pytest.mark.parametrize("content", [b"", b"not an image", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_image_is_told_so(tmp_path, content):
    (tmp_path / "file.jpg").write_bytes(content)
    assert reason(tmp_path / "file.jpg") == "not_an_image"


def png_of(width, height):
    """A PNG whose header says so much, with almost no pixels behind it."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [1_001, 10_000, 100_000])
def test_a_bomb_is_refused_by_its_header(tmp_path, side):
    (tmp_path / "bomb.png").write_bytes(png_of(side, side))
    assert reason(tmp_path / "bomb.png") == "too_many_pixels"


def test_a_long_strip_does_not_grow(tmp_path):
    # Resized before it is cropped, it would have 64 x 640,000 pixels.
    Image.new("RGB", (10_000, 1), (1, 2, 3)).save(tmp_path / "strip.png")
    assert read(tmp_path / "strip.png", side=64).shape == (64, 64, 3)


def test_pixels_of_unknown_range_are_rejected(tmp_path):
    Image.fromarray(np.ones((8, 8), np.float32)).save(tmp_path / "real.tif")
    assert reason(tmp_path / "real.tif") == "unknown_pixels"


def test_a_format_is_known_by_content_not_by_name(tmp_path):
    Image.new("RGB", (8, 8), (9, 8, 7)).save(tmp_path / "right.png")
    (tmp_path / "right.png").rename(tmp_path / "wrong.jpg")
    assert colour(tmp_path / "wrong.jpg") == (9, 8, 7)


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for a writer
    (tmp_path / "folder.png").symlink_to(tmp_path)
    assert reason(tmp_path / "pipe.png") == "not_a_file"
    assert reason(tmp_path / "folder.png") == "not_a_file"


def test_a_broken_link_cannot_be_read(tmp_path):
    (tmp_path / "broken.png").symlink_to("nowhere")
    assert reason(tmp_path / "broken.png") == "unreadable"
