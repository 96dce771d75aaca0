"""What became of the images of one block, to its shard and its rejects.

An image, or why it was rejected, travels to its block as bytes: 16 that give its turn, one that
says which of the two it is, and the record or the line of JSON.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import numpy as np

from data_prep.examples.tfrecord_encoding import framed
from data_prep.images.class_files import ClassFile
from data_prep.images.image_file import RejectedImage, decode_square, open_image
from data_prep.images.records import encode_image
from data_prep.images.settings import ImageFolderSettings

_TURN_BYTES = 16
_IMAGE, _REJECT = b"I", b"R"
_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class ReadFile:
    """One file, read.

    Attributes:
      turn: bytes by which the images of a block are sorted: of content, name and seed.
      block_key: of its block.
      size: bytes of the file.
      content: returns its record or its reject, as `write_shard` takes them.
    """

    turn: bytes
    block_key: str
    size: int
    content: Callable[[], bytes]


def read_file(path: str, file: ClassFile, settings: ImageFolderSettings, use) -> None:
    """Reads a file once, and calls `use(ReadFile)` while it is open.

    Args:
      path: where it is.
      file: its name, label and split.
      settings: of the folder.
      use: called with the `ReadFile`, whose `content` decodes only when it is called.
    """
    try:
        with open_image(path) as stream:
            digest, size = _digest(stream)

            def content() -> bytes:
                stream.seek(0)
                try:
                    pixels = decode_square(stream, settings.side, settings.max_pixels)
                except RejectedImage as reject:
                    return _reject(file, reject)
                return (
                    _IMAGE
                    + file.label.to_bytes(4, "little")
                    + encode_image(pixels, file.label, file.name)
                )

            use(_read(file, digest, size, content, settings))
    except RejectedImage as reject:
        line = _reject(file, reject)
        use(_read(file, _name_digest(file.name), 0, lambda: line, settings))


def _read(file, digest: bytes, size: int, content, settings: ImageFolderSettings) -> ReadFile:
    name = file.name.encode("utf-8", "surrogateescape")
    seed = str(settings.random_seed).encode()
    turn = hashlib.blake2b(digest + name, digest_size=_TURN_BYTES, key=seed).digest()
    return ReadFile(turn, settings.block_of_image(file, digest), size, content)


def _reject(file: ClassFile, reject: RejectedImage) -> bytes:
    row = {"file": file.name, "reason": reject.reason, "detail": str(reject)}
    return _REJECT + json.dumps(row).encode()


def content_digest(path: str, name: str) -> bytes:
    """Returns the SHA-256 by which a file is held out or not: of its name where it is unreadable.

    Args:
      path: where it is.
      name: its path below the folder of images.
    """
    try:
        with open_image(path) as stream:
            return _digest(stream)[0]
    except RejectedImage:
        return _name_digest(name)


def _name_digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _digest(stream: BinaryIO) -> tuple[bytes, int]:
    """Returns SHA-256 and length of what can be read; what cannot is found by the decoder."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.digest(), size


def write_shard(
    contents: Iterable[bytes],
    shard: BinaryIO,
    *,
    num_classes: int,
    on_image: Callable[[int], None] = lambda done: None,
) -> tuple[dict[str, Any], bytes]:
    """Writes the images of a block.

    Args:
      contents: of its files, in their turns.
      shard: where TFRecords go.
      num_classes: in the folder.
      on_image: called with the files written so far.

    Returns:
      What the manifest has to know, and the lines of the rejects.
    """
    digest, size = hashlib.sha256(), 0
    classes = np.zeros(num_classes, np.int64)
    reasons: collections.Counter[str] = collections.Counter()
    rejects = []
    for number, content in enumerate(contents, start=1):
        kind, rest = content[:1], content[1:]
        if kind == _REJECT:
            rejects.append(rest + b"\n")
            reasons[json.loads(rest)["reason"]] += 1
        else:
            classes[int.from_bytes(rest[:4], "little")] += 1
            record = framed(rest[4:])
            digest.update(record)
            size += shard.write(record)
        on_image(number)
    images = int(classes.sum())
    part = {
        "images": images,
        "classes": classes.tolist(),
        "rejects": dict(sorted(reasons.items())),
        "shards": [{"images": images, "sha256": digest.hexdigest(), "bytes_out": size}],
    }
    return part, b"".join(rejects)
