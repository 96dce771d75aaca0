"""Hugging Face's `preprocessor_config.json`: what the pixels of a model's images become."""

from __future__ import annotations

import math
import os
import pathlib
from collections.abc import Mapping

from pipeline.vision.weights.vision_weights import Normalisation
from pipeline.weights.json_file import read_json

_FILE = "preprocessor_config.json"
_CHANNELS = 3


def read_normalisation(folder: str | os.PathLike, default: Normalisation) -> Normalisation:
    """Returns what the file of a folder says, and `default` for what it does not say.

    Raises:
      ValueError: the file is damaged, or has other values than numbers.
    """
    path = pathlib.Path(folder) / _FILE
    if not path.is_file():
        return default
    settings = read_json(path)
    mean, deviation = default.mean, default.deviation
    if settings.get("do_normalize", True):
        mean = _channels(settings, "image_mean", path) or mean
        deviation = _channels(settings, "image_std", path) or deviation
    else:
        mean, deviation = (0.0,) * _CHANNELS, (1.0,) * _CHANNELS
    if min(deviation) <= 0:
        raise ValueError(f"{path}: expected image_std above 0, received {settings['image_std']!r}")
    # There: (pixel * factor - mean) / deviation. Here: (pixel / 255 - mean) / deviation.
    scale = 255 * _factor(settings, path)
    return Normalisation(tuple(m / scale for m in mean), tuple(d / scale for d in deviation))


def _channels(settings: Mapping, key: str, path: pathlib.Path) -> tuple[float, ...] | None:
    """Returns a number for each channel; None where there are none."""
    value = settings.get(key)
    values = value if isinstance(value, list) else [value] * _CHANNELS
    if value is None:
        return None
    if len(values) != _CHANNELS or not all(map(_is_number, values)):
        raise ValueError(
            f"{path}: expected {key} to be a number or {_CHANNELS} numbers, received {value!r}"
        )
    return tuple(map(float, values))


def _factor(settings: Mapping, path: pathlib.Path) -> float:
    if not settings.get("do_rescale", True):
        return 1.0
    factor = settings.get("rescale_factor", 1 / 255)
    if not _is_number(factor) or factor <= 0:
        raise ValueError(f"{path}: expected rescale_factor above 0, received {factor!r}")
    return float(factor)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
