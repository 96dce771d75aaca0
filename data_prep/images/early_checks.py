"""What can be known of a folder of images before it is read as a whole."""

from __future__ import annotations

import collections

from data_prep.images.class_files import TRAIN, ClassFile, ClassFiles
from data_prep.images.image_file import RejectedImage, read_square
from data_prep.images.settings import ImageFolderSettings
from data_prep.images.shards import content_digest
from data_prep.settings import is_heldout

_LARGE_SHARD = 1e9  # bytes
_CHANNELS = 3
_HELD_OUT = "held out by their content"
_LOWER = ", or lower --heldout_fraction"


def check_classes_can_be_trained_on(images: ClassFiles, settings: ImageFolderSettings) -> None:
    """Refuses a class of which no image would be in the training split.

    Images are held out by the hash of their content, of a small class perhaps all of them, and a
    class may be in a format that is not read. The files of a class are tried until one will do.

    Raises:
      ValueError: a class has no image to train on.
    """
    files = collections.defaultdict(list)
    for file in images.files:
        if file.split in ("", TRAIN):
            files[file.label].append(file)
    for label, name in enumerate(images.classes):
        obstacles: collections.Counter[str] = collections.Counter()
        for file in files[label]:
            obstacle = _obstacle(images.path(file), file, settings)
            if not obstacle:
                break
            obstacles[obstacle] += 1
        else:
            found = ", ".join(f"{count} {obstacle}" for obstacle, count in obstacles.items())
            raise ValueError(
                f"--images {images.folder}: expected images to train on in every class, received "
                f"none in {name} ({found or 'no files'}). Add images, or remove the class"
                f"{_LOWER if _HELD_OUT in obstacles else ''}."
            )


def _obstacle(path: str, file: ClassFile, settings: ImageFolderSettings) -> str:
    """Returns why a file would not be trained on; "" where it would."""
    # Read first: a header is enough to reject, a digest takes the whole file.
    try:
        read_square(path, settings.side, settings.max_pixels)
    except RejectedImage as reject:
        return reject.reason
    fraction = 0.0 if file.split else settings.heldout_fraction
    if fraction and is_heldout(content_digest(path, file.name), fraction):
        return _HELD_OUT
    return ""


def shard_warning(images: ClassFiles, settings: ImageFolderSettings) -> str:
    """Returns a sentence where a shard may not fit into a worker's memory; "" where it does.

    It counts where records do not wait on disk: with a remote output or another engine.
    """
    size = len(images.files) * settings.side**2 * _CHANNELS / settings.num_shards
    if size <= _LARGE_SHARD:
        return ""
    return (
        f"a worker holds a whole shard in memory, about {size / 1e9:.1f} GB. Give --num_shards "
        f"{-(-settings.num_shards * int(size) // int(_LARGE_SHARD))} for 1 GB."
    )
