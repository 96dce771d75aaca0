import json

import pytest

from mnemosyne_tf import FINE_TUNING, Mnemosyne
from pipeline.commands.bench import vit as command
from pipeline.lab.vit_scale import one_step, story, tpu
from pipeline.lab.vit_scale.one_step import StepSettings


def test_needed_memory_counts_every_weight():
    # Dosovitskiy et al. 2021: ViT-B has 86M weights with a head of 1,000 classes 86.6M.
    one, two = (story.bytes_needed(StepSettings("B/16", "adamw", batch_size=i)) for i in (1, 2))
    assert round((2 * one - two) / 26 / 1e5) == 866


def test_needed_memory_counts_the_activations_of_every_image():
    def more(**changed):
        one, three = (
            story.bytes_needed(StepSettings("B/16", "adamw", batch_size=i, **changed))
            for i in (1, 3)
        )
        return (three - one) / 2

    # 12 layers, 14 * 14 patches and a class token, width 768, 12 heads.
    block = 197 * (16 * 768 + 2 * 12 * 197)
    assert more() == 4 * 12 * block
    assert more(precision="bfloat16") == 2 * 12 * block
    assert more(recompute=True) == 4 * (12 * 197 * 768 + block)
    assert more(resolution=224 * 2) == 4 * 12 * 785 * (16 * 768 + 2 * 12 * 785)


def test_what_does_not_fit_is_not_begun(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(story.step_process, "free_bytes", lambda: 10**9)
    assert command.main(["--sizes", "L/16", "--optimizers", "adamw"]) == 0
    said = capsys.readouterr().out
    assert "L/16, AdamW: not begun: expected 8.3 GB of free memory, received 1.0" in said
    assert said.endswith("measured 0 of 1\n")


def test_what_was_not_measured_is_in_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(story.step_process, "free_bytes", lambda: 10**9)
    file = tmp_path / "vit.json"
    command.main(["--sizes", "H/14", "--optimizers", "adamw", "--output", str(file)])
    content = json.loads(file.read_text())
    assert content["rows"] == [] and content["not_measured"][0]["size"] == "H/14"


def test_a_table_gives_peak_over_weights():
    row = {
        "size": "L/16",
        "optimizer": "adamw",
        "weights": 10**9,
        "state_bytes": 8 * 10**9,
        "held_bytes": 12 * 10**9,
        "peak_bytes": 18 * 10**9,
        "step_seconds": 2.0,
        "update_fraction": 0.25,
    }
    cells = [each.strip() for each in story.table([row]).splitlines()[2].split("|")[1:-1]]
    assert cells[1:] == ["AdamW", "1,000,000,000", "8.00", "12.00", "18.00", "4.50", "2.00", "25"]


@pytest.mark.slow
def test_a_real_step_is_measured():
    found = one_step.measure(StepSettings("Ti/16", "sgd", resolution=32, classes=2, repeats=0))
    # Touvron et al. 2021: 5.7M weights with a head of 1,000 classes; here 2.
    assert found["weights"] == 5_717_416 - 998 * 193
    # A momentum of float32, and a few counters.
    assert 4 <= found["state_bytes"] / found["weights"] < 4.01
    assert found["peak_bytes"] > 8 * found["weights"]
    assert json.loads(json.dumps(found)) == found


def test_flags_out_of_range_are_refused(tmp_path):
    with pytest.raises(ValueError, match="--batch_size: expected at least 1"):
        command.main(["--batch_size", "0"])
    with pytest.raises(FileNotFoundError, match="--output"):
        command.main(["--output", str(tmp_path / "none" / "a.json")])


@pytest.mark.slow
def test_a_step_is_lowered_with_its_batch_and_its_backward_pass():
    text = tpu.lowered_step(StepSettings("Ti/16", "sgd", batch_size=2, resolution=32))
    assert "tensor<2x32x32x3xf32>" in text
    # Of each of 12 layers: 6 dense products and 2 of attention, and twice as many backward.
    assert text.count("stablehlo.dot") >= 12 * 8 * 3


def test_mnemosyne_is_measured_as_it_fine_tunes():
    one = one_step.make_optimizer(StepSettings("Ti/16", "mnemosyne"))
    other = Mnemosyne(total_steps=1_000, labels_per_step=1, **FINE_TUNING)
    assert one.get_config() == other.get_config()


def test_figures_of_a_chip_are_summed(monkeypatch, capsys):
    figures = {"cpu_seconds": 7, "argument_bytes": 2e9, "temp_bytes": 3e9, "code_bytes": 0}
    compiled = {"sgd": {**figures, "flops": 5e12}}

    def compile_for_tpu(text):
        if text not in compiled:
            raise RuntimeError("Ran out of memory in memory space hbm.\nmore")
        return compiled[text]

    monkeypatch.setattr(tpu, "compiler_for", lambda name: compile_for_tpu)
    monkeypatch.setattr(tpu, "lowered_step", lambda settings: settings.optimizer)
    flags = ["--tpu", "v5e", "--sizes", "L/16", "--optimizers", "sgd", "adamw"]
    assert command.main([*flags, "--batch_size", "32"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("together 5.00 GB a chip, 5.00 TFLOP a step")
    assert said[1].endswith("not compiled: Ran out of memory in memory space hbm.")
    assert said[2] == "compiled 1 of 2"
