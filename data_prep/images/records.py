"""The record contract of images: what one record holds, and how it is found in a shard.

A record is one serialized tf.train.Example, for a square of `side` pixels:

    image   bytes  [1]  side * side * 3 bytes: red, green, blue, row by row
    label   int64  [1]  number of the class, from 0
    name    bytes  [1]  path of the file below the folder of images

Pixels are neither compressed nor encoded, so that reading costs a trainer nothing and any image of
a shard can be read without those before it.
"""

from __future__ import annotations

import dataclasses
import io
import os
import struct
from typing import BinaryIO

import numpy as np

from data_prep.job.manifest import IMAGES

KIND = IMAGES  # of the manifest
_HEADER, _FOOTER = struct.Struct("<QI"), struct.Struct("<I")
_CHANNELS = 3
_FIRST_KEY = b"image"
_TAIL_BYTES = 1 << 20  # more than label and name can take


def encode_image(pixels: np.ndarray, label: int, name: str) -> bytes:
    """Returns a serialized record.

    Args:
      pixels: uint8 `[side, side, 3]`.
      label: number of the class.
      name: path of the file.
    """
    import tensorflow as tf

    feature = tf.train.Feature
    features = {
        "image": feature(bytes_list=tf.train.BytesList(value=[pixels.tobytes()])),
        "label": feature(int64_list=tf.train.Int64List(value=[label])),
        "name": feature(bytes_list=tf.train.BytesList(value=[os.fsencode(name)])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # Entries of a map have no order of their own; this one is by name.
    return example.SerializeToString(deterministic=True)


@dataclasses.dataclass(frozen=True)
class ShardIndex:
    """Where the images of a shard are.

    Attributes:
      begins, sizes: int64 `[count]`, of each serialized record in the file.
      pixels: int64 `[count]`, where its pixels begin in the file.
      labels: int32 `[count]`.
      names: of the files.
    """

    begins: np.ndarray
    sizes: np.ndarray
    pixels: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]


def index_shard(path: str, side: int) -> ShardIndex:
    """Finds the images of a shard; pixels are skipped, not read.

    Raises:
      ValueError: it is no whole shard of such records.
    """
    rows = []
    length = side * side * _CHANNELS
    with open(path, "rb") as stream:
        size, begin = os.path.getsize(path), 0
        while begin < size:
            try:
                rows.append(_index_record(stream, begin, length, size))
            except (ValueError, struct.error) as error:
                raise ValueError(
                    f"{path}: expected records of images of {side} x {side} pixels, received "
                    f"something else at byte {begin:,} ({error}). Prepare the folder again."
                ) from error
            begin = rows[-1][0] + rows[-1][1] + _FOOTER.size
    begins, sizes, pixels, labels = (np.array([row[i] for row in rows], np.int64) for i in range(4))
    return ShardIndex(begins, sizes, pixels, labels.astype(np.int32), tuple(r[4] for r in rows))


def _index_record(stream: BinaryIO, at: int, length: int, file_size: int):
    stream.seek(at)
    size, _ = _HEADER.unpack(stream.read(_HEADER.size))
    begin = at + _HEADER.size
    if size < length or begin + size + _FOOTER.size > file_size:
        raise ValueError(f"a record of {size:,} bytes")
    head = stream.read(64)
    key = head.find(_FIRST_KEY)
    # Behind the key: the value, its list, its only entry; each a tag and a length.
    offset = key + len(_FIRST_KEY)
    for _ in range(3):
        found, offset = _varint(head, offset + 1)
    if key < 0 or found != length:
        raise ValueError(f"pixels of {found:,} bytes" if key >= 0 else "no image")
    stream.seek(begin + offset + length)
    tail = size - offset - length
    if tail > _TAIL_BYTES:
        raise ValueError(f"{tail:,} bytes behind the pixels")
    label, name = _label_and_name(stream.read(tail))
    return begin, size, begin + offset, label, name


def _varint(content: bytes, offset: int) -> tuple[int, int]:
    """Returns the integer that begins there, and the offset behind it."""
    value = 0
    for i, byte in enumerate(content[offset : offset + 10]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, offset + i + 1
    raise ValueError("an integer without an end")


def _label_and_name(entries: bytes) -> tuple[int, str]:
    """Reads the other features: entries of a map are a message of their own."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    try:
        feature = tf.train.Features.FromString(entries).feature
        return feature["label"].int64_list.value[0], os.fsdecode(
            feature["name"].bytes_list.value[0]
        )
    except (DecodeError, IndexError) as error:
        raise ValueError("no label or name") from error


def read_pixels(stream: io.BufferedIOBase, index: ShardIndex, row: int, side: int) -> np.ndarray:
    """Reads one image, uint8 `[side, side, 3]`, and checks its record.

    Raises:
      ValueError: the record is damaged.
    """
    import google_crc32c

    from data_prep.examples.tfrecord_encoding import masked_crc

    begin, size = int(index.begins[row]), int(index.sizes[row])
    stream.seek(begin)
    record = stream.read(size)
    if stream.read(_FOOTER.size) != masked_crc(google_crc32c.value(record)):
        raise ValueError(
            f"{stream.name}: expected the record at byte {begin:,} as it was written, received "
            "another checksum: the file is damaged. Prepare the folder again."
        )
    offset = int(index.pixels[row]) - begin
    pixels = np.frombuffer(record, np.uint8, side * side * _CHANNELS, offset)
    return pixels.reshape(side, side, _CHANNELS)
