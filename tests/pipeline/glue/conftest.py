"""Two tiny tasks with an encoder of random weights, and trainings that are left out."""

import numpy as np
import pytest
from glue_folders import answer_with, make_run, predict_bias

from pipeline.glue import classifier_training


@pytest.fixture(name="folders")
def fixture_folders(tmp_path):
    make_run(tmp_path / "run")
    glue = tmp_path / "glue"
    for name, header, rows in (
        ("SST-2", "sentence\tlabel", ["a good film\t1", "a bad film\t0"]),
        (
            "STS-B",
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\t"
            "sentence2\tscore",
            [
                "0\tg\tf\ty\t1\tn\tn\ta film\tsame film\t5.0",
                "1\tg\tf\ty\t1\tn\tn\ta film\tbad\t0.5",
            ],
        ),
    ):
        (glue / name).mkdir(parents=True)
        for split, copies in (("train", 60), ("dev", 3)):
            content = "\n".join([header, *rows * copies])
            (glue / name / f"{split}.tsv").write_text(content + "\n")
    return tmp_path


@pytest.fixture(name="quick")
def fixture_quick(monkeypatch):
    """Leaves the training out: every dev example is answered with class 1."""

    def train(model, features, labels, *, settings, description, after_epoch=None, **_):
        return settings.num_train_steps(len(labels))

    def predict(model, features, *, batch_size):
        return np.tile([[0.0, 1.0]], [len(features["input_ids"]), 1])

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict)


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """Sizes and vocabulary in `run`; a test adds tasks in `glue`."""
    make_run(tmp_path / "run")
    return tmp_path


@pytest.fixture(name="seeds_answer")
def fixture_seeds_answer(monkeypatch):
    """No training: the head's bias prefers class `seed_to_class[seed]`; seeds given are done."""
    seed_to_class, done = {}, []

    def train(model, features, labels, *, settings, description, after_epoch=None, **_):
        done.append(description)
        preferred = seed_to_class.get(settings.seed, 0)
        kernel, bias = model.head.get_weights()
        model.head.set_weights([0 * kernel, np.eye(len(bias))[preferred % len(bias)]])
        return settings.num_train_steps(len(labels))

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict_bias)
    return seed_to_class, done
