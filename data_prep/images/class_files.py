"""`DIR/CLASS/image.jpg`, or the same below `train` and `test`, to a list of files with labels."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from data_prep import storage

TRAIN, HELDOUT = SPLITS = ("train", "heldout")
# In lower case.
_FOLDERS = {
    TRAIN: ("train", "training"),
    HELDOUT: ("test", "testing", "heldout", "val", "valid", "validation", "dev"),
}


@dataclasses.dataclass(frozen=True)
class ClassFile:
    """A file below a class folder; whether it holds an image is not known yet.

    Attributes:
      name: its path below the folder of images.
      label: number of its class.
      split: `TRAIN` or `HELDOUT`, or "" where that is still to be decided.
    """

    name: str
    label: int
    split: str = ""


@dataclasses.dataclass(frozen=True)
class ClassFiles:
    """The files of a folder of images.

    Attributes:
      folder: path of it.
      classes: names, in the order of their labels.
      files: sorted by split, class and name.
    """

    folder: str
    classes: tuple[str, ...]
    files: tuple[ClassFile, ...]

    @property
    def is_parted(self) -> bool:
        """Whether the folder says which images are held out."""
        return any(file.split for file in self.files)

    def path(self, file: ClassFile) -> str:
        """Returns where a file is."""
        return os.path.join(self.folder, file.name)


def refuse_output_among_images(images: str, output: str) -> None:
    """Refuses a folder to write to that would be a class, or in a class, of the next run.

    Raises:
      ValueError: `output` is the folder of images, or lies in it.
    """
    above, below = (
        path.rstrip("/") if storage.is_remote(path) else os.path.realpath(path)
        for path in (images, output)
    )
    if f"{below}/".startswith(f"{above}/"):
        raise ValueError(
            f"--output {output}: expected a folder outside of --images {images}, whose folders are "
            "classes. Choose another --output."
        )


def find_class_files(folder: str) -> ClassFiles:
    """Lists every file below the class folders, but files and folders that begin with a dot.

    Links to files are files. Links to folders are listed, too, so that they become rejects.

    Raises:
      FileNotFoundError: there is no such folder.
      ValueError: there are fewer than two classes, the splits have different ones, or folders are
        called like splits and are not one to train on and one to judge by.
      OSError: a folder cannot be read.
    """
    if not storage.is_folder(folder):
        raise FileNotFoundError(f"--images {folder}: expected a folder, but there is none")
    parts = _parts(folder)
    if not parts:
        classes = _classes(folder)
        return ClassFiles(folder, tuple(classes), tuple(_files(folder, "", classes, "")))
    classes = _classes(os.path.join(folder, parts[TRAIN]))
    heldout = os.path.join(folder, parts[HELDOUT])
    if unknown := set(_classes(heldout)) - set(classes):
        raise ValueError(
            f"--images {heldout}: expected the classes of {parts[TRAIN]}, received also "
            f"{', '.join(sorted(unknown))}"
        )
    files = [file for split, part in parts.items() for file in _files(folder, part, classes, split)]
    return ClassFiles(folder, tuple(classes), tuple(files))


def _parts(folder: str) -> dict[str, str]:
    """Returns the folder of each split; none where the folders are classes."""
    folders = _folders(folder)
    named = {
        split: [name for name in folders if name.lower() in names]
        for split, names in _FOLDERS.items()
    }
    found = sorted(name for names in named.values() for name in names)
    # Vehicles have a class "train", too; it holds images, where a split holds classes.
    hold_classes = any(_folders(os.path.join(folder, name)) for name in found)
    if not found or (not hold_classes and len(found) < len(folders)):
        return {}
    if any(len(names) != 1 for names in named.values()):
        raise ValueError(
            f"--images {folder}: expected one folder to train on ({_one_of(TRAIN)}) and one folder "
            f"to judge by ({_one_of(HELDOUT)}), or classes alone, received {', '.join(found)}. "
            "Rename them, or move what is left over out of the folder."
        )
    return {split: names[0] for split, names in named.items()}


def _one_of(split: str) -> str:
    return ", ".join(_FOLDERS[split])


def _folders(folder: str) -> list[str]:
    return [
        name
        for name in storage.list_folder(folder)
        if _is_shown(name) and storage.is_folder(os.path.join(folder, name))
    ]


def _classes(folder: str) -> list[str]:
    classes = _folders(folder)
    for name in classes:
        if storage.printable(name) != name:
            raise ValueError(
                f"--images {storage.printable(folder)}: expected names of classes in UTF-8, "
                f"received {storage.printable(name)}. Rename the folder."
            )
    if len(classes) < 2:
        raise ValueError(
            f"--images {folder}: expected two or more folders, one for each class, with its images "
            f"in it, received {', '.join(classes) or 'no folder'}"
        )
    return classes


def _files(folder: str, part: str, classes: Sequence[str], split: str) -> list[ClassFile]:
    found = []
    for label, name in enumerate(classes):
        top = os.path.join(folder, part, name)
        if not storage.is_folder(top):
            continue  # a class of `train` without images to judge by
        paths = sorted(_below(top))
        found += [ClassFile(os.path.relpath(path, folder), label, split) for path in paths]
    return found


def _below(top: str) -> list[str]:
    found = []
    for directory, folders, files in storage.walk(top):
        folders[:] = filter(_is_shown, folders)  # the walk goes into these alone
        paths = [os.path.join(directory, name) for name in (*folders, *filter(_is_shown, files))]
        found += [path for path in paths if not _is_real_folder(path)]
    return found


def _is_shown(name: str) -> bool:
    return not name.startswith(".")


def _is_real_folder(path: str) -> bool:
    if storage.is_remote(path):
        return storage.is_folder(path)
    return storage.is_folder(path) and not os.path.islink(path)
