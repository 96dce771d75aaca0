"""`mnemosyne bench vit_race` on tasks of seconds."""

import json

import numpy as np
import pytest
from foreign_vit import Foreign

from pipeline.commands import bench
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.run import Run, Runs
from pipeline.lab.races.runs_file import RunsFile
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


def test_other_weights_are_another_task(tmp_path):
    sizes = tasks.Sizes("digits", 10, 6, 20, 10, 4, 2, 2)
    one, other = (
        tasks._task("toy", sizes, str(Foreign(kind).save(tmp_path / kind)))
        for kind in ("dinov2", "vit")
    )
    assert one.starting_weights and one.starting_weights != other.starting_weights
    assert tasks.digits_task().starting_weights == ""


def test_the_last_bit_of_a_pixel_is_not_in_the_key_and_the_resolution_is(tmp_path):
    """Images are resized in floating point, which processors round differently."""

    def key(task, change=lambda pixels: pixels):
        data = tuple((change(images), labels) for images, labels in task.load())
        return Runs(task, data, RunsFile(str(tmp_path))).key(Run(Contestant("mnemosyne"), 1.0, 0))

    task = tasks.digits_task()
    sizes = tasks.Sizes("digits", 10, 24, 0, 0, 32, 15, 10, patch_size=8)
    assert key(task) == key(task, lambda pixels: np.nextafter(pixels, np.float32(2)))
    assert key(task) != key(tasks._task("vit_ti_digits", sizes, None))


def test_folders_are_looked_at_before_the_first_run(tmp_path):
    weights = str(Foreign("dinov2").save(tmp_path / "hf"))
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte.gz"):
        story.chosen_tasks(str(tmp_path), None, weights)
    for name in ("blue", "red"):
        (tmp_path / "textile" / name).mkdir(parents=True)
    with pytest.raises(ValueError, match="--textile .*: expected 3 classes, received 2: blue, red"):
        story.chosen_tasks(None, str(tmp_path / "textile"), weights)


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
