"""A model folder of random weights, tasks, and prompts that were never trained."""

import numpy as np
import pytest
from glue_folders import make_run, make_task

from models.bert_config import BertConfig
from models.bert_encoder import BertEncoder
from models.prompted_bert import PromptAndHead
from pipeline.glue.initial_weights import load_encoder
from pipeline.glue.pretrained_run import read_run
from pipeline.masked_words import features_of
from pipeline.prompts.folder import PromptDescription, save_prompt
from pipeline.weights.model_description import ModelDescription
from pipeline.weights.model_folder import save_model_folder


@pytest.fixture
def frozen(tmp_path):
    """A model folder: an encoder of width 16 with a vocabulary of films."""
    run = make_run(tmp_path / "sizes")
    encoder = BertEncoder(BertConfig.load(run / "bert_config.json"), name="encoder")
    encoder(features_of(np.ones([1, 2], np.int32), np.zeros([1, 1], np.int32)))
    save_model_folder(
        tmp_path / "model",
        encoder,
        ModelDescription("encoder", max_seq_length=16, trained_positions=16),
        vocab_file=str(run / "vocab.txt"),
        do_lower_case=True,
    )
    return tmp_path / "model"


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
