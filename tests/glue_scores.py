"""A folder of scores of GLUE, filled with rows by hand."""

import numpy as np
from glue_folders import BY_NAME


def header(**settings):
    """What `results.json` says of the call."""
    return {
        "checkpoint": "runs/a",
        "initialisation": "checkpoint",
        "kind": "glue",
        "sample_tasks": False,
        "settings": {"seed": 0, **settings},
    }


def weights_header(encoder_hash, step, *, checkpoint="runs/a", initialisation="checkpoint"):
    """The header of scores that began with such weights."""
    return {
        **header(encoder_hash=encoder_hash),
        "checkpoint": checkpoint,
        "initialisation": initialisation,
        "encoder_step": step,
    }


def make_row(task, score, *, seed=0, metrics=None, sha256="aa", note=""):
    """The row of one fine-tuning."""
    return {
        "task": task,
        "seed": seed,
        "metrics": metrics or {"accuracy": score},
        "score": score,
        "train_examples": 2490,
        "dev_examples": 277,
        "num_train_steps": 233,
        "seconds": 12.3,
        "data_sha256": sha256,
        "note": note,
    }


def add(folder, task, score, *, labels=(0, 1), predictions=(1, 1), **row):
    """Scores a task, as a call does."""
    folder.begin()
    folder.add(
        make_row(task, score, **row),
        task=BY_NAME[task],
        labels=[np.array(labels)],
        predictions=[np.array(predictions)],
    )
