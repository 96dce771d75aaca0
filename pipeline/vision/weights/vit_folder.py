"""A folder of a vision transformer of ours, as `mnemosyne vit` writes it.

vit_config.json  model.safetensors  vit.json

`model.safetensors` holds float32 tensors named by the path of their variable. `vit.json` has the
classes, the normalisation and the origin; it is written last: without it a folder is not finished.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

import tf_keras as keras

from data_prep import storage
from models.vit import ViTConfig
from pipeline.vision.weights.tensors import tensor_shapes, variables_by_path
from pipeline.vision.weights.vision_weights import Normalisation, VisionWeights
from pipeline.weights.json_file import read_json, write_json
from pipeline.weights.tensor_file import stored_tensors, write_tensors

CONFIG, TENSORS, MARKER = "vit_config.json", "model.safetensors", "vit.json"


def save_vit_folder(
    path: str | os.PathLike,
    model: keras.Model,
    *,
    normalisation: Normalisation,
    labels: Sequence[str],
    resolution: int,
    origin: str,
    metrics: Mapping[str, float],
) -> None:
    """Writes a built `ViTClassifier`; a folder that is written again is unfinished meanwhile.

    Args:
      path: made if missing.
      model: to save.
      normalisation: of its images.
      labels: names of its classes, in order.
      resolution: pixels of a side of the images that it was tuned on.
      origin: where the weights come from, in words.
      metrics: by name.

    Raises:
      OSError: the folder cannot be written.
    """
    folder = pathlib.Path(path)
    storage.make_folder(os.fspath(folder))
    storage.remove(os.fspath(folder / MARKER), missing_ok=True)
    write_json(folder / CONFIG, dataclasses.asdict(model.config))
    arrays = {name: variable.numpy() for name, variable in variables_by_path(model).items()}
    write_tensors(folder / TENSORS, arrays)
    content = {
        "labels": list(labels),
        **dataclasses.asdict(normalisation),
        "resolution": resolution,
        "origin": origin,
        "metrics": dict(metrics),
    }
    write_json(folder / MARKER, content)


def is_vit_folder(path: str | os.PathLike) -> bool:
    """Says whether a path is a finished folder."""
    return os.path.isfile(os.path.join(path, MARKER))


def read_vit_folder(folder: pathlib.Path) -> VisionWeights:
    """Reads and checks all of a folder but the tensors themselves.

    Raises:
      ValueError: two of its files disagree; the message names file and tensor.
    """
    content = read_json(folder / MARKER)
    try:
        config = ViTConfig(**read_json(folder / CONFIG))
        normalisation = Normalisation(tuple(content["mean"]), tuple(content["deviation"]))
        labels = tuple(map(str, content["labels"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder}: expected {CONFIG} and {MARKER} as `mnemosyne vit` writes them, received "
            f"{error}"
        ) from error
    tensors = stored_tensors(folder / TENSORS)
    expected = dict(tensor_shapes(config, len(labels)))
    received = {name: tensor.shape for name, tensor in tensors.items()}
    for name in sorted({*expected, *received}):
        if expected.get(name) != received.get(name):
            raise ValueError(
                f"{folder / TENSORS}: tensor {name}: expected shape {expected.get(name)}, received "
                f"{received.get(name)}"
            )
    name = storage.printable(folder.resolve().name)
    return VisionWeights(
        config=config,
        tensors=tensors,
        normalisation=normalisation,
        origin=f"{name} ({content.get('origin', 'of unknown origin')})",
        labels=labels,
    )
