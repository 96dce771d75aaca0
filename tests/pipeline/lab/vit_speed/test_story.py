"""`mnemosyne bench vit_speed` with programs that train nothing, and with ours."""

import json
import sys

import pytest

from models.vit import ViTConfig
from pipeline.commands import bench
from pipeline.lab.vit_speed import story

FAKE = """
import time
import numpy as np

class Training:
    parameters = 100

    def __init__(self, settings):
        assert np.load(settings["examples"])["images"].shape == (8, 32, 32, 3)

    def run(self, num_steps):
        end = time.process_time() + 0.01 * num_steps
        while time.process_time() < end:
            pass
        return 2.3

def build(settings):
    return Training(settings)
"""


def flags(tmp_path):
    toy = ["--resolution=32", "--batch_size=2", "--rounds=2", "--steps=1"]
    return ["vit_speed", *toy, f"--output={tmp_path / 'figures.json'}"]


def test_all_take_turns_and_the_table_shows_them(tmp_path, monkeypatch, capsys):
    (tmp_path / "fake.py").write_text(FAKE)
    monkeypatch.setattr(story, "_program", lambda name: str(tmp_path / "fake.py"))
    assert bench.main([*flags(tmp_path), "--keras_hub", sys.executable]) == 0
    (case,) = json.loads((tmp_path / "figures.json").read_text())["cases"]
    assert list(case["programs"]) == ["mnemosyne", "our images alone", "keras-hub"]
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "ViT-Ti/16, 2 images a step, 32 pixels, one core"
    assert printed[-1].startswith("CPU time of a step, ours 1; ViT-Ti/16: ")


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
