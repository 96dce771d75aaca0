"""`README.md` of an exported folder: what the model is, how it was trained, how to load it."""

from __future__ import annotations

import json
import math
import os
import pathlib
from collections.abc import Mapping

import jinja2

from data_prep import storage
from pipeline.run.checkpoints import run_of
from pipeline.weights.tensors import CLASSIFIER, ENCODER, PRETRAINER
from pipeline.weights.travelling_model import TravellingModel

_TEMPLATE = "model_card.md"
# Of transformers, with the head that was exported.
_ARCHITECTURES = {
    ENCODER: "AutoModel",
    PRETRAINER: "AutoModelForMaskedLM",
    CLASSIFIER: "AutoModelForSequenceClassification",
}


def write_model_card(
    model: TravellingModel, facts: Mapping, folder: pathlib.Path, to_format: str
) -> None:
    """Writes `README.md`.

    Args:
      model: what was exported.
      facts: of `training_facts`.
      folder: of the export.
      to_format: a key of `FORMATS`.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.weights.export"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; nothing of it is run
    )
    text = environment.get_template(_TEMPLATE).render(
        model=model,
        config=model.config,
        description=model.description,
        parameters=sum(math.prod(array.shape) for array in model.weights.values()),
        facts=facts,
        format=to_format,
        pairs=len(model.description.sentence_columns) == 2,
        architecture=_ARCHITECTURES[model.description.kind],
    )
    storage.write_whole(folder / "README.md", text.encode("utf-8"))


def training_facts(checkpoint: str | os.PathLike) -> dict:
    """Returns what `run.json` and `COMPLETED` of a run say, in words; empty of a model folder."""
    run = run_of(checkpoint)
    facts, figures = _read(run / "run.json"), _read(run / "COMPLETED")
    if not facts:
        return {}
    recipe, data = facts["recipe"], facts["data_manifest"]
    train, prepare = recipe.get("train", {}), recipe.get("prepare", {})
    rows = {
        "Recipe": facts.get("name"),
        "Optimizer": facts.get("optimizer"),
        "Steps": train.get("num_train_steps"),
        "Batch": train.get("global_batch_size"),
        "Tokens in a record": prepare.get("max_seq_length"),
        "Training records": data.get("splits", {}).get("train", {}).get("sequences"),
        "Held-out loss (nats)": figures.get("masked_lm_loss"),
        "Held-out accuracy": figures.get("masked_lm_accuracy"),
        "TensorFlow": facts.get("versions", {}).get("tensorflow"),
    }
    return {name: value for name, value in rows.items() if value is not None}


def _read(path: pathlib.Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
