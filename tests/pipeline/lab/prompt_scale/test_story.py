import json

import pytest

from models.t5 import T5Config
from pipeline.commands.bench import prompt as command
from pipeline.lab.prompt_scale import one_step, story
from pipeline.lab.prompt_scale.one_step import StepSettings


@pytest.fixture(name="tiny")
def fixture_tiny(monkeypatch):
    """In place of every published size, one of 2 + 2 blocks."""
    sizes = {"hidden_dim": 16, "intermediate_dim": 24, "num_layers": 2, "num_heads": 2}
    config = T5Config(vocab_size=40, head_dim=8, **sizes)
    monkeypatch.setattr(one_step.T5Config, "named", lambda size: config)
    yield
    one_step.keras.mixed_precision.set_global_policy("float32")


def test_what_does_not_fit_is_not_begun(monkeypatch, capsys):
    monkeypatch.setattr(story.step_process, "free_bytes", lambda: 2 * 10**9)
    assert command.main(["--sizes", "xxl", "--optimizers", "adamw"]) == 0
    said = capsys.readouterr().out
    # Eight bytes for each of 11,135,332,352 weights, and a billion.
    assert "xxl, prompt, AdamW: not begun: expected 90.1 GB of free memory, received 2.0" in said
    assert said.endswith("measured 0 of 1\n")


def test_what_was_not_measured_is_in_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(story.step_process, "free_bytes", lambda: 2 * 10**9)
    file = tmp_path / "prompt.json"
    command.main(["--sizes", "xxl", "--optimizers", "adamw", "--output", str(file)])
    content = json.loads(file.read_text())
    assert content["rows"] == [] and content["not_measured"][0]["size"] == "xxl"


def test_a_prompt_step_keeps_state_for_the_prompt_alone(tiny):
    found = one_step.measure(StepSettings("small", "adamw", text=6, answer=3, prompt=5))
    assert found["trained"] == 5 * 16
    # Two float32 moments, and a few counters and rates of 8 bytes at most.
    assert 0 <= found["state_bytes"] - 2 * 4 * 5 * 16 <= 8 * 8
    assert found["weight_bytes"] == 2 * found["weights"]
    assert json.loads(json.dumps(found)) == found


def test_a_whole_model_keeps_state_for_every_weight(tiny):
    settings = StepSettings("small", "adamw", trains="whole", text=6, answer=3, prompt=5)
    found = one_step.measure(settings)
    assert found["trained"] == found["weights"]
    assert 0 <= found["state_bytes"] - 2 * 4 * found["weights"] <= 8 * 8
    assert found["weight_bytes"] == 4 * found["weights"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rows", "0"], "--rows: expected at least 1, received 0"),
        (["--tpu", "v6e", "--trains", "whole"], "--tpu: expected --trains prompt"),
    ],
)
def test_flags_that_make_no_sense_are_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        command.main(flags)
