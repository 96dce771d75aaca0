"""Images: a perceptron and a small CNN on Fashion-MNIST, or on scikit-learn's digits."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import sklearn.datasets
import tf_keras as keras

from pipeline.lab.races.tasks.task import Arrays, Task
from pipeline.vision.images.idx_files import IDX_FILES, read_idx_files
from pipeline.vision.images.image_set import Split

FASHION_MNIST, DIGITS = "Fashion-MNIST", "scikit-learn's digits"
_CLASSES = 10


def image_tasks(fashion_mnist: str | None) -> list[Task]:
    """Returns a perceptron and a CNN on Fashion-MNIST, or without it on scikit-learn's digits.

    Args:
        fashion_mnist: folder with the four files `{train,t10k}-{images,labels}-idx?-ubyte.gz`.

    Raises:
        FileNotFoundError: one of them does not exist.
    """
    if fashion_mnist is None:
        return digits_tasks()
    for name in IDX_FILES:
        if not os.path.isfile(os.path.join(fashion_mnist, name)):
            raise FileNotFoundError(
                f"--fashion_mnist {fashion_mnist}: expected {name}, but it does not exist. Get the "
                "four files of Fashion-MNIST (zalandoresearch), or leave the flag out and use "
                "scikit-learn's digits."
            )
    return fashion_tasks(fashion_mnist)


def digits_tasks() -> list[Task]:
    """Returns both models on scikit-learn's digits."""
    return [
        Task("digits_mlp", load_digits, build_mlp, 64, 40, 10, about=DIGITS),
        Task("digits_cnn", load_digits, build_cnn, 64, 40, 10, about=DIGITS),
    ]


def fashion_tasks(folder: str) -> list[Task]:
    """Returns both models on Fashion-MNIST; its files are read when a task is loaded."""

    def load() -> tuple[Arrays, Arrays]:
        return load_fashion_mnist(folder)

    return [
        Task("fashion_mlp", load, build_mlp, 128, 140, 10, about=FASHION_MNIST),
        Task("fashion_cnn", load, build_cnn, 128, 140, 10, about=FASHION_MNIST),
    ]


def load_fashion_mnist(folder: str) -> tuple[Arrays, Arrays]:
    """Reads the four files; 60,000 and 10,000 images of 28 by 28.

    Source: Xiao et al. 2017 (Fashion-MNIST); the IDX format of MNIST.
    """
    data = read_idx_files(pathlib.Path(folder))
    return _scaled(data.train), _scaled(data.heldout)


def _scaled(split: Split) -> Arrays:
    return split.images / np.float32(255), split.labels


def load_digits() -> tuple[Arrays, Arrays]:
    """Returns scikit-learn's 1,797 digits of 8 by 8, every fifth of them held out."""
    digits = sklearn.datasets.load_digits()
    images = (digits.images / 16).astype(np.float32)[..., None]
    labels = digits.target.astype(np.int32)
    held_out = np.arange(len(labels)) % 5 == 0
    return (images[~held_out], labels[~held_out]), (images[held_out], labels[held_out])


def build_mlp() -> keras.Model:
    """One hidden layer of 128 units."""
    layers = keras.layers
    return keras.Sequential(
        [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(_CLASSES)]
    )


def build_cnn() -> keras.Model:
    """Two convolutions of 16 and 32 channels with stride 2, a hidden layer of 64 units."""
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
