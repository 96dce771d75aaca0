"""Another library's folder, recognised by what it holds, to a model folder."""

from __future__ import annotations

import os
import pathlib

from data_prep import storage
from pipeline.weights.google.folder import CONFIG as GOOGLE_CONFIG
from pipeline.weights.google.folder import read_google
from pipeline.weights.huggingface.folder import CONFIG as HUGGING_FACE_CONFIG
from pipeline.weights.huggingface.folder import read_hugging_face
from pipeline.weights.model_folder import (
    VOCABULARY,
    is_model_folder,
    read_model_folder,
    save_weights,
)
from pipeline.weights.travelling_model import TravellingModel
from pipeline.weights.whole_folder import refuse_if_used, whole_folder


def import_model(source: str | os.PathLike, output: str | os.PathLike) -> TravellingModel:
    """Reads a folder of Hugging Face, Google or TensorFlow Model Garden and writes a model folder.

    Args:
      source: the folder, or a TensorFlow checkpoint in it, its path without endings.
      output: a new folder; it is there whole or not at all.

    Returns:
      What was read.

    Raises:
      FileNotFoundError: there is nothing to read, or a file is missing.
      ValueError: a file does not fit; the message names file and tensor.
    """
    refuse_if_used(output)
    model = read_model(source)
    with whole_folder(output) as folder:
        vocab_file = os.fspath(folder / VOCABULARY)
        storage.write_whole(vocab_file, model.vocabulary)
        save_weights(
            *(folder, model.weights, model.config, model.description),
            vocab_file=vocab_file,
            do_lower_case=model.do_lower_case,
            ids=model.ids,
        )
        try:
            read_model_folder(folder)  # what would be refused later is refused now
        except ValueError as error:
            raise ValueError(str(error).replace(str(folder), str(source))) from error
    return model


def read_model(source: str | os.PathLike) -> TravellingModel:
    """Reads a model of another library, see `import_model`."""
    path = pathlib.Path(source)
    folder = path if path.is_dir() else path.parent
    if is_model_folder(path):
        raise ValueError(f"--input: {path} is a model folder already; it needs no import")
    if path.is_dir() and (path / HUGGING_FACE_CONFIG).is_file():
        return read_hugging_face(path)
    if (path / "run.json").is_file():
        raise ValueError(f"--input: {path} is a run of `mnemosyne pretrain`; it needs no import")
    if (folder / GOOGLE_CONFIG).is_file():
        return read_google(path)
    raise FileNotFoundError(
        f"--input: expected a folder with {HUGGING_FACE_CONFIG} (Hugging Face) or with "
        f"{GOOGLE_CONFIG} and a checkpoint (Google, TensorFlow Model Garden), received {path}"
        f"{'' if path.exists() else ', which is not there'}"
    )
