"""Which fine-tuned models stay in the folder of scores."""

import numpy as np
import pytest
from glue_folders import answer_with, arguments, results_of

from pipeline.commands import glue
from pipeline.glue import classifier_training
from pipeline.weights.model_folder import read_model_folder


@pytest.fixture(name="weights_of_seed")
def fixture_weights_of_seed(monkeypatch):
    """A training that sets every weight to the seed; of two seeds the second answers better."""

    def train(model, features, labels, *, settings, **_):
        model.set_weights([np.full_like(each, settings.seed) for each in model.get_weights()])
        return 1

    def predict(model, features, *, batch_size):
        seed = model.get_weights()[0].flat[0]
        good = features["input_ids"][:, 2] == 5 if seed else np.ones(len(features["input_ids"]))
        return np.stack([1 - good, good], axis=1).astype(float)

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict)


def seeds_in(models):
    """Name of a model's folder -> the seed that all of its weights are."""
    folders = {path.name: read_model_folder(path) for path in models.iterdir()}
    return {name: set(each.tensors["head/kernel"].read().flat) for name, each in folders.items()}


def test_each_seed_is_kept_next_to_the_best(folders, weights_of_seed):
    assert (
        glue.main(arguments(folders, "--tasks=SST-2", "--seeds=2", "--keep_models=each_seed")) == 0
    )
    assert results_of(folders / "out")["models"] == {"SST-2": 1}
    kept = seeds_in(folders / "out" / "models")
    assert kept == {"SST-2": {1.0}, "SST-2-seed0": {0.0}, "SST-2-seed1": {1.0}}
    about = read_model_folder(folders / "out" / "models" / "SST-2-seed0").description
    assert about.origin.endswith("fine-tuned on SST-2 with seed 0")
    assert about.metrics == {"accuracy": 0.5}


def test_only_the_best_is_kept_by_default_and_later_it_is_too_late(
    folders, weights_of_seed, capsys
):
    assert glue.main(arguments(folders, "--tasks=SST-2")) == 0
    assert seeds_in(folders / "out" / "models") == {"SST-2": {0.0}}
    more = ("--tasks=SST-2", "--seeds=2", "--keep_models=each_seed")
    assert glue.main(arguments(folders, *more)) == 0
    assert "WARNING SST-2, seed 0: scored by an earlier call, which" in capsys.readouterr().out
    assert set(seeds_in(folders / "out" / "models")) == {"SST-2", "SST-2-seed1"}
    assert glue.main(arguments(folders, *more)) == 0
    assert "seed 0: scored by an earlier call" in capsys.readouterr().out
