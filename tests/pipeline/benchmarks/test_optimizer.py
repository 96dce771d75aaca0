import json

import pytest

from pipeline.benchmarks import bench, optimizer_cost, optimizer_shapes

TINY = [("dense/kernel", (16, 8)), ("other/kernel", (16, 8)), ("dense/bias", (8,))]


def test_cost_prints_a_row_for_each_variant_and_writes_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(optimizer_shapes, "bert", lambda size: TINY)
    path = tmp_path / "cost.json"
    flags = ["--cost", "--repeats", "2", "--output", str(path)]
    flags += ["--variants", "default", "trained heads, coordinate-wise", "--max_state_gb", "1e-5"]
    assert bench.main(["optimizer", *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("coordinate-wise" in line and "left out" in line for line in lines)
    assert "BERT-tiny: default" in lines[-1] and "% of a BERT-base step" in lines[-1]
    content = json.loads(path.read_text())
    updates = content["sizes"]["tiny"]["updates"]
    assert list(updates) == ["fused AdamW", "default"]
    assert updates["default"]["state_floats_per_weight"] == 2.0
    assert updates["fused AdamW"]["times_adamw"] == 1.0
    assert content["share"]["update_seconds"] > 0 < content["machine"]["bytes_per_second"]


def test_trained_heads_keep_memories_and_multipliers_beside_the_accumulators():
    optimizer = optimizer_cost.make_optimizer("trained heads")
    weights, _ = optimizer_cost.make_variables(TINY)
    optimizer.build(weights)
    floats = sum(each.numpy().size for each in optimizer.variables[3:])
    assert floats == 2 * (128 + 128 + 8) + 3 * 16 * 17 + 3


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--repeats", "0"], "received 0"), (["--variants", "defualt"], "received defualt")],
)
def test_flag_that_makes_no_sense_is_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        bench.main(["optimizer", "--cost", *flags])
