"""`mnemosyne bench vit_speed` with programs that train nothing, and with ours."""

import json
import pathlib
import sys

import pytest

from models.vit import ViTConfig
from pipeline.commands import bench
from pipeline.lab.vit_speed import story

CHECK = """
    import numpy
    assert numpy.load(settings["examples"])["images"].shape == (8, 32, 32, 3)
    # 8 / 7 of the resolution is 36.6 pixels, what `mnemosyne vit` keeps of a photograph.
    assert numpy.load(settings["examples"])["uncropped"].shape == (8, 37, 37, 3)
"""


def flags(tmp_path):
    toy = ["--resolution=32", "--batch_size=2", "--rounds=2", "--steps=1"]
    return ["vit_speed", *toy, f"--output={tmp_path / 'figures.json'}"]


def test_all_take_turns_and_the_table_shows_them(fake_program, tmp_path, monkeypatch, capsys):
    path = fake_program(build=CHECK, loss=2.3)
    monkeypatch.setattr(story, "_program", lambda library: path)
    assert bench.main([*flags(tmp_path), "--keras_hub", sys.executable]) == 0
    (case,) = json.loads((tmp_path / "figures.json").read_text())["cases"]
    assert list(case["programs"]) == ["mnemosyne", "our images alone", "keras-hub"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "ViT-Ti/16, 2 images a step, 32 pixels, one core"
    assert printed[-1].startswith("CPU time of a step, ours 1; ViT-Ti/16: ")


def test_every_program_exists():
    everything = story.contestants(
        story.Settings(keras_hub="python", hf_tf="python", mnemosyne=True)
    )
    assert all(pathlib.Path(each.program).is_file() for each in everything)


@pytest.mark.slow
def test_ours_trains_and_says_what_its_images_take(tmp_path):
    assert bench.main(flags(tmp_path)) == 0
    (case,) = json.loads((tmp_path / "figures.json").read_text())["cases"]
    ours, images = case["programs"].values()
    # A head of zeros gives ten classes one probability: ln 10 = 2.3026, float32.
    assert ours["first_loss"] == pytest.approx(2.3026, abs=1e-4)
    assert images["parameters"] == 0 and images["times_ours"] > 0


@pytest.mark.parametrize(
    ("flag", "error"),
    [("--rounds=0", ValueError), ("--core=999", ValueError), ("--hf_tf=nope", FileNotFoundError)],
)
def test_flags_without_sense_are_refused(flag, error):
    with pytest.raises(error, match=flag.split("=")[0]):
        bench.main(["vit_speed", flag])


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"parameters": 10**6}, "1,000,000 weights"), ({"first_loss": 9.0}, "a loss of 9.000 nats")],
)
def test_other_models_and_losses_are_not_compared(changed, message):
    ours = {"parameters": 100, "first_loss": 2.303}
    ready = {"mnemosyne": ours, story.IMAGES: {"parameters": 0, "first_loss": 0.0}}
    config = ViTConfig.named("Ti/16")
    story.check_same_training({**ready, "other": {**ours, "first_loss": 3.0}}, config)
    with pytest.raises(ValueError, match=message):
        story.check_same_training({**ready, "other": {**ours, **changed}}, config)
