"""A run or a model folder to a folder of another library, with a model card."""

from __future__ import annotations

import dataclasses
import importlib
import os
import pathlib

import numpy as np
import tensorflow as tf

from data_prep import storage
from models import BertPretrainer
from pipeline.glue.pretrained_run import read_run
from pipeline.run.checkpoints import load_pretrained_model, newest_checkpoint, run_of
from pipeline.weights.export.formats import FORMATS
from pipeline.weights.export.model_card import training_facts, write_model_card
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import ModelFolder, is_model_folder, read_model_folder
from pipeline.weights.tensors import PRETRAINER, variables_by_path
from pipeline.weights.travelling_model import TravellingModel
from pipeline.weights.whole_folder import refuse_if_used, whole_folder


def export_model(
    checkpoint: str | os.PathLike, output: str | os.PathLike, to_format: str
) -> TravellingModel:
    """Writes a model in another library's format.

    Args:
      checkpoint: a run, a checkpoint of it, or a model folder, also of a fine-tuned task.
      output: a new folder; it is there whole or not at all.
      to_format: a key of `FORMATS`.

    Returns:
      What was written, with notes on what the format cannot say.

    Raises:
      FileNotFoundError: there is no such model.
      ValueError: it does not fit its description, or the format is unknown.
    """
    if to_format not in FORMATS:
        raise ValueError(f"--format: expected one of {', '.join(FORMATS)}, received {to_format}")
    refuse_if_used(output)
    model = model_to_export(checkpoint)
    module, function = FORMATS[to_format]
    # Only now: a SavedModel needs tensorflow-text, which takes seconds.
    write = getattr(importlib.import_module(module), function)
    with whole_folder(output) as folder:
        notes = write(model, folder)
        model = dataclasses.replace(model, notes=(*model.notes, *notes))
        write_model_card(model, training_facts(checkpoint), folder, to_format)
    return model


def model_to_export(checkpoint: str | os.PathLike) -> TravellingModel:
    """Reads a run or a model folder with its weights."""
    if is_model_folder(checkpoint):
        return _of_folder(read_model_folder(checkpoint))
    return _of_run(os.fspath(checkpoint))


def _of_folder(folder: ModelFolder) -> TravellingModel:
    return TravellingModel(
        weights={path: tensor.read() for path, tensor in folder.tensors.items()},
        config=folder.config,
        description=folder.description,
        vocabulary=storage.read_whole(folder.vocab_file),
        do_lower_case=folder.do_lower_case,
        ids=folder.ids,
    )


def _of_run(path: str) -> TravellingModel:
    run = read_run(path)
    newest = newest_checkpoint(path)
    model = BertPretrainer(run.config)
    names = ("input_ids", "input_mask", "segment_ids", "masked_lm_positions")
    model(dict.fromkeys(names, tf.ones([1, 2], tf.int32)))
    load_pretrained_model(model, path)
    step = pathlib.Path(newest).name.removeprefix("ckpt-")
    description = ModelDescription(
        kind=PRETRAINER,
        max_seq_length=run.max_seq_length,
        trained_positions=run.trained_positions,
        origin=f"Mnemosyne-BERT run {run_of(path).resolve().name}, step {step}",
    )
    return TravellingModel(
        weights={k: np.asarray(v, np.float32) for k, v in variables_by_path(model).items()},
        config=run.config,
        description=description,
        vocabulary=storage.read_whole(run.vocab_file),
        do_lower_case=run.do_lower_case,
        ids=run.ids,
    )
