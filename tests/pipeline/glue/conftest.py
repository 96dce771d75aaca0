"""Two tiny tasks with an encoder of random weights, and a training that is left out."""

import numpy as np
import pytest
from glue_folders import answer_with, make_run

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
