"""A pre-trained vision transformer on its way into a model, apart from any file format."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import tf_keras as keras

from models.vit import ViTConfig
from pipeline.vision.weights.tensors import HEAD, variables_by_path


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """What the pixels of a model's images become: `(pixel / 255 - mean) / deviation`.

    Attributes:
      mean: of each channel, in [0, 1].
      deviation: of each channel.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


# Of DINOv2 and of most models in PyTorch: the means and deviations of ImageNet.
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# Of Google's ViT: to [-1, 1].
HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class Readable(Protocol):
    """What has values in the shape of our variable."""

    def read(self) -> np.ndarray:
        """Returns them, float32."""


@dataclasses.dataclass(frozen=True)
class VisionWeights:
    """A checked file of weights; its tensors are read one by one.

    Attributes:
      config: the architecture.
      tensors: by the path of the variable.
      normalisation: of the images.
      origin: where the weights come from, in words.
      labels: names of the classes of the head, none without one.
      notes: sentences on what a user should know.
    """

    config: ViTConfig
    tensors: Mapping[str, Readable]
    normalisation: Normalisation
    origin: str
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def load_into(self, model: keras.Model, *, with_head: bool = False) -> None:
        """Assigns the tensors to a built `ViTClassifier` of these sizes.

        Args:
          model: built.
          with_head: whether the head is loaded, too; without, it keeps its own values.

        Raises:
          ValueError: there are no weights of a head.
        """
        if with_head and not self.labels:
            raise ValueError(f"{self.origin}: expected the weights of a head, there are none")
        for path, variable in variables_by_path(model).items():
            if with_head or not path.startswith(HEAD):
                variable.assign(self.tensors[path].read())

    def sha256(self) -> str:
        """Returns the hexadecimal SHA-256 of the encoder's values, in the order of their paths."""
        digest = hashlib.sha256()
        for path in sorted(self.tensors):
            if not path.startswith(HEAD):
                digest.update(path.encode())
                digest.update(self.tensors[path].read().tobytes())
        return digest.hexdigest()
