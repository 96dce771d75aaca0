"""Small tasks that start from the encoder of MNLI."""

import numpy as np
import pytest
from glue_folders import answer_with, glue, make_task, predict_bias, results_of

from pipeline.glue import classifier_training


def test_small_tasks_start_from_the_encoder_of_mnli_where_asked(folder, monkeypatch):
    starts = {}

    def train(model, features, labels, *, settings, description, after_epoch=None, **_):
        starts[description.split()[0]] = model.encoder.get_weights()[0].flat[0]
        if description.startswith("MNLI"):
            weights = model.encoder.get_weights()
            model.encoder.set_weights([np.full_like(each, 0.25) for each in weights])
        return settings.num_train_steps(len(labels))

    monkeypatch.setattr(classifier_training, "train", train)
    answer_with(monkeypatch, predict_bias)
    for name in ("CoLA", "MRPC", "MNLI", "RTE"):
        make_task(folder / "glue", name)
    assert glue(folder, "--from_mnli") == 0
    assert list(starts) == ["MNLI", "CoLA", "MRPC", "RTE"]
    assert (starts["MRPC"], starts["RTE"]) == (0.25, 0.25)
    assert starts["CoLA"] == starts["MNLI"] != 0.25
    rows = {row["task"]: row for row in results_of(folder / "out")["rows"]}
    assert rows["RTE"]["started_from"] == "the encoder fine-tuned on MNLI, seed 0"
    assert "started_from" not in rows["CoLA"]
    written = (folder / "out" / "results.md").read_text()
    assert "MRPC: started from the encoder fine-tuned on MNLI, seed 0." in written


def test_starting_from_mnli_needs_mnli(folder, seeds_answer):
    make_task(folder / "glue", "RTE")
    with pytest.raises(ValueError, match="--from_mnli: expected MNLI among --tasks, or its model"):
        glue(folder, "--from_mnli")
    assert not (folder / "out").exists()
