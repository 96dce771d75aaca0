"""`mnemosyne vit` from a folder of images and little weights to a report, in seconds."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from foreign_vit import Foreign

from data_prep import prepare_images
from models.vit import ViTClassifier
from pipeline.commands import vit as command
from pipeline.vision.augmentation import evaluation_images
from pipeline.vision.finetune import finetune
from pipeline.vision.images.sources import read_images
from pipeline.vision.linear_probe import LinearLayer
from pipeline.vision.settings import VisionSettings
from pipeline.vision.training import Trainer, heldout_figures
from pipeline.vision.weights.read import read_weights

SGD = VisionSettings(
    optimizer="sgd", learning_rate=0.02, num_train_epochs=3, batch_size=8, weight_decay=0.0
)


@pytest.fixture(scope="module")
def little_weights(tmp_path_factory):
    """A Dinov2 of width 8 with random weights, in Hugging Face's layout."""
    return str(Foreign("dinov2").save(tmp_path_factory.mktemp("weights") / "hf"))


def run(settings, folder, weights, output):
    return finetune(settings, images=str(folder), weights=weights, output=str(output))


def test_a_probe_learns_colours_and_is_saved_as_a_model(
    tmp_path, colour_folder, little_weights, capsys
):
    (colour_folder / "red" / "notes.txt").write_text("not an image")
    output = tmp_path / "probe"
    flags = ["--images", str(colour_folder), "--weights", little_weights, "--output", str(output)]
    flags += ["--mode", "probe", "--batch_size", "8", "--num_train_epochs", "30"]
    assert command.main(flags) == 0
    said = capsys.readouterr().out
    assert "accuracy 100.00% on 4 held-out images of 2 classes after 30 epochs; 1 files" in said
    results = json.loads((output / "results.json").read_text())
    assert (results["accuracy"], results["rejects"]) == (1.0, {"not_an_image": 1})
    assert results["confusion"] == [[2, 0], [0, 2]]
    assert results["parameters"]["trained"] == 16 * 2 + 2
    page = (output / "report.html").read_text()
    assert "red/notes.txt" in page and page.count("data:image/png") == 2
    assert len((output / "predictions.tsv").read_text().splitlines()) == 1 + 4

    # The saved model gives the probe's answers, its head holds the standardisation.
    weights = read_weights(output / "model")
    assert weights.labels == ("blue", "red")
    lines = (output / "predictions.tsv").read_text().splitlines()[1:]
    assert all(line.split("\t")[1] == line.split("\t")[2] for line in lines)

    # Called again, it says the same and trains nothing.
    assert command.main(flags) == 0
    assert capsys.readouterr().out.splitlines()[-1] == said.splitlines()[-1]
    with pytest.raises(ValueError, match="settings.seed: 0 -> 1"):
        command.main([*flags, "--seed", "1"])


def test_the_head_of_a_saved_probe_answers_as_the_probe_did(
    tmp_path, colour_folder, little_weights
):
    settings = dataclasses.replace(SGD, mode="probe")
    run(settings, colour_folder, little_weights, tmp_path / "probe")
    weights = read_weights(tmp_path / "probe" / "model")
    model = ViTClassifier(weights.config, 2)
    model(tf.zeros([1, 6, 6, 3]))
    weights.load_into(model, with_head=True)
    data = read_images(str(colour_folder), resolution=6)
    logits = model(evaluation_images(data.heldout.images, 6, weights.normalisation)).numpy()
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    expected = (powers / powers.sum(-1, keepdims=True)).max(-1)
    lines = (tmp_path / "probe" / "predictions.tsv").read_text().splitlines()[1:]
    found = [float(line.split("\t")[3]) for line in lines]
    # Four decimals are written.
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-4)


def final_weights(output):
    return {name: each.read() for name, each in read_weights(output / "model").tensors.items()}


@pytest.mark.slow
def test_a_run_that_was_killed_ends_as_one_that_was_not(
    tmp_path, colour_folder, little_weights, monkeypatch
):
    settings = dataclasses.replace(SGD, dropout=0.1, augmentation="colour")
    run(settings, colour_folder, little_weights, tmp_path / "whole")
    train_epoch = Trainer.train_epoch

    def killed(self, batches):
        if self.epochs_done == 2:
            raise KeyboardInterrupt
        return train_epoch(self, batches)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Trainer, "train_epoch", killed)
        run(settings, colour_folder, little_weights, tmp_path / "killed")
    assert not (tmp_path / "killed" / "results.json").exists()
    run(settings, colour_folder, little_weights, tmp_path / "killed")
    one, other = (final_weights(tmp_path / name) for name in ("whole", "killed"))
    for path, expected in one.items():
        np.testing.assert_array_equal(other[path], expected)
    rows = [json.loads(line) for line in (tmp_path / "killed" / "epochs.jsonl").open()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]


@pytest.mark.slow
def test_mnemosyne_trains_all_layers_with_layer_decay(tmp_path, colour_folder, little_weights):
    # A decay so strong that early layers practically stand still.
    settings = VisionSettings(
        mode="layer_decay", layer_decay=1e-6, num_train_epochs=1, batch_size=8, precision="bfloat16"
    )
    assert run(settings, colour_folder, little_weights, tmp_path / "run") == 0
    start = {name: each.read() for name, each in read_weights(little_weights).tensors.items()}
    after = final_weights(tmp_path / "run")
    moved = {name: np.abs(after[name] - start[name]).max() for name in start}
    assert moved["encoder/layer_norm/gamma"] > 0
    early = [moved[name] for name in start if "layer_1/" in name or "layer_0/" in name]
    assert max(early) < 1e-3 * moved["encoder/layer_norm/gamma"]


class Made(Exception):
    """Ends a run where its trainer would be made."""


@pytest.mark.parametrize(
    ("is_trained", "mode", "expected"),
    [(True, "whole", True), (True, "probe", False), (False, "whole", False)],
)
def test_only_weights_that_were_trained_before_are_fine_tuned(
    tmp_path, colour_folder, little_weights, monkeypatch, is_trained, mode, expected
):
    def trainer(*_, fine_tuning):
        raise Made(fine_tuning)

    monkeypatch.setattr("pipeline.vision.finetune.Trainer", trainer)
    size = {} if is_trained else {"patch_size": 4}
    settings = VisionSettings(mode=mode, num_train_epochs=1, batch_size=8, **size)
    with pytest.raises(Made) as made:
        run(settings, colour_folder, little_weights if is_trained else None, tmp_path / "run")
    assert made.value.args == (expected,)


def test_a_run_that_diverges_says_what_to_try(capsys):
    layer = LinearLayer(2)
    layer(tf.zeros([1, 3]))
    trainer = Trainer(layer, SGD, num_images=8)
    batch = tf.fill([8, 3], np.nan), tf.zeros([8], tf.int32)
    with pytest.raises(FloatingPointError, match="in step 1; try a smaller --learning_rate than"):
        trainer.train_epoch([batch])


def test_a_heldout_loss_that_is_not_finite_ends_a_run():
    with pytest.raises(
        FloatingPointError, match="finite loss of the held-out images, received nan"
    ):
        heldout_figures(np.float32([[np.nan, 0.0]]), np.int32([1]))


def test_flags_that_do_not_fit_to_weights_are_refused(tmp_path, colour_folder, little_weights):
    for changed, named in (
        ({"resolution": 7}, "--resolution: expected a multiple of 2.*Nearest: 8"),
        ({"patch_size": 4}, "--patch_size: expected none with --weights"),
        ({"size": "L/16"}, "--size: expected none with --weights"),
    ):
        with pytest.raises(ValueError, match=named):
            run(
                dataclasses.replace(SGD, **changed), colour_folder, little_weights, tmp_path / "run"
            )
    with pytest.raises(ValueError, match="--output .*: expected a folder outside of --images"):
        run(SGD, colour_folder, little_weights, colour_folder / "run")
    with pytest.raises(ValueError, match="--mode probe: expected --weights"):
        run(dataclasses.replace(SGD, mode="probe"), colour_folder, None, tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="expected a new folder or one of `mnemosyne vit`"):
        run(SGD, colour_folder, little_weights, tmp_path / "other")


def test_records_on_disk_train_as_their_folder_says(
    tmp_path, colour_folder, little_weights, capsys
):
    (colour_folder / "red" / "notes.txt").write_text("not an image")
    records = str(tmp_path / "records")
    flags = ["--images", str(colour_folder), "--output", records, "--side", "4"]
    assert prepare_images.main([*flags, "--heldout_fraction", "0.3", "--num_shards", "2"]) == 0
    output = tmp_path / "run"
    flags = ["--images", records, "--weights", little_weights, "--output", str(output)]
    flags += ["--mode", "probe", "--batch_size", "8", "--num_train_epochs", "1"]
    assert command.main(flags) == 0
    said = capsys.readouterr().out
    assert "1 files rejected" in said and "of the training was waiting for images" in said
    results = json.loads((output / "results.json").read_text())
    assert "WARNING records of 4 pixels are enlarged to 6" in said
    assert results["train_images"] + results["heldout_images"] == 20
    assert results["rejects"] == {"not_an_image": 1}
