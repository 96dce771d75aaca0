"""A model folder of random weights, tasks, and prompts that were never trained."""

import numpy as np
import pytest
from glue_folders import make_model, make_task

from models.prompted_bert import PromptAndHead
from pipeline.glue.initial_weights import load_encoder
from pipeline.glue.pretrained_run import read_run
from pipeline.prompts.folder import PromptDescription, save_prompt


@pytest.fixture
def frozen(tmp_path):
    """A model folder: an encoder of width 16 with a vocabulary of films."""
    return make_model(tmp_path / "model")


@pytest.fixture
def encoder_hash(frozen):
    """Of the frozen weights."""
    run = read_run(str(frozen))
    return load_encoder(run, dropout=0.0, random_init=False, seed=0).weights_hash


@pytest.fixture
def make_prompt(tmp_path, frozen, encoder_hash):
    """Returns `make(name, labels=..., length=..., **changes)`: the folder of a random prompt."""

    def make(name, labels=("0", "1"), columns=("sentence",), length=3, **changes):
        rng = np.random.default_rng(len(name))
        outputs = len(labels) or 1
        shapes = ((length, 16), (16, outputs), (outputs,))
        weights = PromptAndHead(*(rng.normal(0, 1, s).astype(np.float32) for s in shapes))
        said = {
            "checkpoint": str(frozen),
            "encoder_hash": encoder_hash,
            "task": name,
            "labels": labels,
            "score_range": None if labels else (0.0, 5.0),
            "sentence_columns": columns,
            "max_seq_length": 12,
            "prompt_length": length,
            "prompt_init": "random",
            "seed": 0,
        }
        path = tmp_path / "made" / name
        save_prompt(path, weights, PromptDescription(**(said | changes)))
        return str(path)

    return make


@pytest.fixture
def glue(tmp_path):
    """SST-2 and STS-B."""
    for name in ("SST-2", "STS-B"):
        make_task(tmp_path / "glue", name)
    return tmp_path / "glue"
