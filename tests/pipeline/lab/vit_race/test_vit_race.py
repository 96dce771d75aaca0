"""`mnemosyne bench vit_race` on tasks of seconds."""

import json

import numpy as np
import pytest
from foreign_vit import Foreign

from pipeline.commands import bench
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.vit_race import story, tasks


def test_the_digits_are_those_of_the_command_and_weights_follow_the_seed():
    task = tasks.digits_task()
    (images, labels), _ = task.load()
    assert images.shape == (1437, 32, 32, 3) and images.dtype == np.float32
    # Interpolation keeps what lies between -1 and 1 there, but for roundings of float32.
    assert abs(images).max() < 1 + 1e-5 and labels.max() == 9
    assert task.build().count_params() > 5_000_000


def test_real_weights_are_loaded_into_every_new_model(tmp_path):
    weights = str(Foreign("dinov2").save(tmp_path / "hf"))
    sizes = tasks.Sizes("digits", 10, 6, 20, 10, 4, 2, 2)
    task = tasks._task("toy", sizes, weights)
    (images, _), (heldout, _) = task.load()
    assert (len(images), len(heldout)) == (20, 10)
    one, other = task.build(), task.build()
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_runs_are_made_once_and_the_table_names_all(tmp_path, monkeypatch, capsys):
    weights = str(Foreign("dinov2").save(tmp_path / "hf"))
    task = tasks._task("toy", tasks.Sizes("digits", 10, 6, 20, 10, 4, 2, 2), weights)
    optimizers = [Contestant("mnemosyne"), Contestant("sgd", "sgd", (0.01, 0.02))]
    monkeypatch.setattr(story, "chosen_tasks", lambda *paths: [(task, optimizers)])
    runs, output = tmp_path / "runs.jsonl", tmp_path / "figures.json"
    flags = ["vit_race", "--seeds", "2", "--runs", str(runs), "--output", str(output)]
    assert bench.main(flags) == 0
    finished = runs.read_text()
    assert bench.main(flags) == 0
    assert runs.read_text() == finished
    found = json.loads(output.read_text())["tasks"]["toy"]
    assert [row["optimizer"] for row in found] == ["mnemosyne", "sgd"]
    assert [len(row["accuracies"]) for row in found] == [2, 2]
    assert [*found[0]["to_accuracy"]] == ["sgd"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("toy: mnemosyne ") and "sgd" in last


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--seeds", "0"], "--seeds"), (["--textile", "x"], "expected --weights")],
)
def test_flags_without_sense_are_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        bench.main(["vit_race", *flags])
