"""One image file to one square array, or the reason why not.

The header decides before a pixel is decoded: formats that Pillow hands to other programs are not
opened, nor are images of more pixels than allowed.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from data_prep import storage

# Decoded by Pillow itself or by a library it is built with. Left out are formats that start another
# program (EPS) and rare ones, whose decoders few have read.
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_NOT_AN_IMAGE, _DAMAGED, _ANIMATED = "not_an_image", "damaged", "animated"
_TOO_LARGE, _PIXELS = "too_many_pixels", "unknown_pixels"
_UNREADABLE, _NOT_A_FILE = "unreadable", "not_a_file"
_DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
_WHITE = (255, 255, 255)


class RejectedImage(Exception):
    """A file that cannot be used.

    Attributes:
      reason: one of a few words.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


def read_square(path: str | os.PathLike, side: int, max_pixels: int) -> np.ndarray:
    """Reads an image as uint8 `[side, side, 3]`: its middle square, resized.

    It stands upright as its EXIF orientation says. CMYK becomes RGB, 16 bits a channel become 8,
    and what is transparent lies on white.

    Args:
      path: of the file.
      side: pixels.
      max_pixels: of the image in the file.

    Raises:
      RejectedImage: it cannot be read, is no image, damaged, animated, too large, or has pixels of
        another kind.
    """
    with open_image(path) as stream:
        return decode_square(stream, side, max_pixels)


def open_image(path: str | os.PathLike) -> BinaryIO:
    """Opens a file for reading.

    Raises:
      RejectedImage: it is no file (opening a pipe would wait forever), or cannot be read.
    """
    path = os.fspath(path)
    try:
        if not storage.is_remote(path) and not stat.S_ISREG(os.stat(path).st_mode):
            kind = "a link to a folder" if os.path.isdir(path) else "a pipe, socket or device"
            raise RejectedImage(_NOT_A_FILE, kind)
        return storage.open_read(path)
    except OSError as error:
        raise RejectedImage(_UNREADABLE, error.strerror or str(error)) from error


def decode_square(stream: BinaryIO, side: int, max_pixels: int) -> np.ndarray:
    """Decodes an open file as `read_square` does."""
    try:
        with _opened(stream, max_pixels) as image:
            return np.asarray(_square(image, side), np.uint8)
    except RejectedImage:
        raise
    except Image.DecompressionBombError as error:
        raise RejectedImage(_TOO_LARGE, str(error)) from error
    except MemoryError as error:
        raise RejectedImage(_TOO_LARGE, "memory ran out while decoding") from error
    except Exception as error:  # Pillow's decoders raise what their formats suggest
        raise RejectedImage(_DAMAGED, f"{type(error).__name__}: {error}") from error


def _opened(stream: BinaryIO, max_pixels: int) -> Image.Image:
    try:
        image = Image.open(stream, formats=_FORMATS)
    except UnidentifiedImageError as error:
        size = stream.seek(0, os.SEEK_END)
        detail = "empty file" if not size else f"none of {', '.join(_FORMATS)}, or cut short"
        raise RejectedImage(_NOT_AN_IMAGE, detail) from error
    if image.width * image.height > max_pixels:
        raise RejectedImage(
            _TOO_LARGE,
            f"{image.width:,} x {image.height:,} pixels, more than --max_pixels {max_pixels:,}",
        )
    # A camera's MPO holds a second picture for the other eye; the first is the photograph.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        raise RejectedImage(_ANIMATED, f"{image.n_frames} frames; save one of them as an image")
    return image


def _square(image: Image.Image, side: int) -> Image.Image:
    image.load()
    # Before 11.0, Pillow opened grey PNGs of 16 bits as 32.
    is_deep = image.mode in _DEEP_GREY or (image.mode == "I" and image.format == "PNG")
    upright = ImageOps.exif_transpose(image)
    upright = _eight_bits(upright) if is_deep else _as_rgb(upright)
    # Crops, then resizes: the other way, a long strip would become a huge image first.
    return ImageOps.fit(upright, (side, side), method=Image.Resampling.BICUBIC)


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("F", "I"):
        kind = "floating-point" if image.mode == "F" else "32-bit"
        raise RejectedImage(_PIXELS, f"{kind} pixels, whose range is not known")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, _WHITE)
        ground.paste(image, mask=image.getchannel("A"))
        return ground
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey image of 16 bits as one of 8; Pillow's own conversion cuts off what exceeds 255."""
    values = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((values * 255 + 32_767) // 65_535).astype(np.uint8)).convert("RGB")
