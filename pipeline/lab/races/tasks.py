"""What optimizers race on: data, a model, a batch size and a number of steps."""

from __future__ import annotations

import dataclasses
import gzip
import os
from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = tuple[Any, np.ndarray]  # what a model is given, and what it should answer
_FASHION_FILES = {"train": "train", "heldout": "t10k"}
_IMAGES_HEADER, _LABELS_HEADER = 16, 8  # bytes of an IDX file before its values
_CLASSES = 10


@dataclasses.dataclass(frozen=True)
class Task:
    """A classification to learn, of images or of masked words.

    Attributes:
        name: in tables and file names.
        load: returns train and held-out (inputs, labels): images float32 [n, height, width, 1] in
            [0, 1] and int32 [n], or the features of records and their masked words.
        build: returns a new Keras model, inputs to logits.
        batch_size: images or sequences a step.
        eval_every_steps: steps between two looks at the held-out part.
        num_evaluations: looks in a run, the last at its end.
        jit_compile: whether a whole step is one XLA program.
        labels_per_row: labels in the loss of each image or sequence.
        plateau: returns the loss, in nats, that must be left behind for a race to count.
        about: the data, in words.
    """

    name: str
    load: Callable[[], tuple[Arrays, Arrays]]
    build: Callable[[], Any]
    batch_size: int
    eval_every_steps: int
    num_evaluations: int
    jit_compile: bool = False
    labels_per_row: int = 1
    plateau: Callable[[tuple[Arrays, Arrays]], float] | None = None
    about: str = ""

    @property
    def num_train_steps(self) -> int:
        """Steps of a run."""
        return self.eval_every_steps * self.num_evaluations

    @property
    def labels_per_step(self) -> int:
        """Labels in the loss of one step."""
        return self.batch_size * self.labels_per_row


def vision_tasks(fashion_mnist: str | None) -> list[Task]:
    """Returns an MLP and a small CNN on Fashion-MNIST, or on scikit-learn's digits without it.

    Args:
        fashion_mnist: folder with the four files `{train,t10k}-{images,labels}-idx?-ubyte.gz`.

    Raises:
        FileNotFoundError: one of them is not there.
    """
    if fashion_mnist is None:
        return [
            Task("digits_mlp", load_digits, build_mlp, 64, 40, 10),
            Task("digits_cnn", load_digits, build_cnn, 64, 40, 10),
        ]
    for split in _FASHION_FILES.values():
        for path in _fashion_paths(fashion_mnist, split):
            if not os.path.isfile(path):
                raise FileNotFoundError(
                    f"--fashion_mnist {fashion_mnist}: expected {os.path.basename(path)}, but it "
                    "is not there. Get the four files of Fashion-MNIST (zalandoresearch), or leave "
                    "the flag out and race on scikit-learn's digits."
                )

    def load() -> tuple[Arrays, Arrays]:
        return load_fashion_mnist(fashion_mnist)

    return [
        Task("fashion_mlp", load, build_mlp, 128, 140, 10),
        Task("fashion_cnn", load, build_cnn, 128, 140, 10),
    ]


def load_fashion_mnist(folder: str) -> tuple[Arrays, Arrays]:
    """Reads the four files; 60,000 and 10,000 images of 28 by 28.

    Source: Xiao et al. 2017 (Fashion-MNIST); the IDX format of MNIST.
    """
    train, heldout = (_read_split(folder, split) for split in _FASHION_FILES.values())
    return train, heldout


def _read_split(folder: str, split: str) -> Arrays:
    images, labels = _fashion_paths(folder, split)
    with gzip.open(images) as stream:
        pixels = np.frombuffer(stream.read(), np.uint8, offset=_IMAGES_HEADER)
    with gzip.open(labels) as stream:
        classes = np.frombuffer(stream.read(), np.uint8, offset=_LABELS_HEADER)
    return pixels.reshape(-1, 28, 28, 1) / np.float32(255), classes.astype(np.int32)


def _fashion_paths(folder: str, split: str) -> tuple[str, str]:
    return (
        os.path.join(folder, f"{split}-images-idx3-ubyte.gz"),
        os.path.join(folder, f"{split}-labels-idx1-ubyte.gz"),
    )


def load_digits() -> tuple[Arrays, Arrays]:
    """Returns scikit-learn's 1,797 digits of 8 by 8, every fifth of them held out."""
    import sklearn.datasets

    digits = sklearn.datasets.load_digits()
    images = (digits.images / 16).astype(np.float32)[..., None]
    labels = digits.target.astype(np.int32)
    held_out = np.arange(len(labels)) % 5 == 0
    return (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])


def build_mlp() -> Any:
    """One hidden layer of 128 units."""
    import tf_keras as keras

    layers = keras.layers
    return keras.Sequential(
        [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(_CLASSES)]
    )


def build_cnn() -> Any:
    """Two convolutions of 16 and 32 channels with stride 2, a hidden layer of 64 units."""
    import tf_keras as keras

    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(_CLASSES),
        ]
    )
