"""What can be known of a folder of images before it is read as a whole."""

from __future__ import annotations

import collections

from data_prep.images.class_files import TRAIN, ClassFiles
from data_prep.images.settings import ImageFolderSettings
from data_prep.images.shards import content_digest
from data_prep.settings import is_heldout

# Of a class of more, all are held out once in 1e14 times at the default fraction of 0.2.
_FEW_FILES = 20
_LARGE_SHARD = 1e9  # bytes
_CHANNELS = 3


def check_classes_can_be_trained_on(images: ClassFiles, settings: ImageFolderSettings) -> None:
    """Refuses a class of which no image would be in the training split.

    Images are held out by the hash of their content, of a small class perhaps all of them.

    Raises:
      ValueError: a class has no file to train on.
    """
    files = collections.defaultdict(list)
    for file in images.files:
        if file.split in ("", TRAIN):
            files[file.label].append(file)
    for label, name in enumerate(images.classes):
        own = files[label]
        if not own:
            raise ValueError(
                f"--images {images.folder}: expected images to train on in every class, received "
                f"none in {name}. Add images, or remove the class."
            )
        if len(own) > _FEW_FILES or images.is_parted:
            continue
        digests = (content_digest(images.path(file), file.name) for file in own)
        if all(is_heldout(digest, settings.heldout_fraction) for digest in digests):
            raise ValueError(
                f"--images {images.folder}: expected images to train on in every class, but the "
                f"content of all {len(own)} of {name} says that they are held out. Add images, "
                "remove the class, or lower --heldout_fraction."
            )


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
