import json

import pytest

from pipeline.commands import bench
from pipeline.lab.cost import shapes, timing

TINY = [("dense/kernel", (16, 8)), ("other/kernel", (16, 8)), ("dense/bias", (8,))]
NO_SHARE = ("--no_share", "--repeats", "1")


@pytest.fixture(autouse=True)
def tiny_variables(monkeypatch):
    monkeypatch.setattr(shapes, "bert", lambda size: TINY)


def test_cost_prints_a_row_for_each_variant_and_writes_json(tmp_path, capsys):
    path = tmp_path / "cost.json"
    flags = ["--repeats", "2", "--output", str(path), "--variants", "default"]
    assert bench.main(["cost", *flags]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "BERT-tiny: default" in lines[-1] and "% of a BERT-base step" in lines[-1]
    content = json.loads(path.read_text())
    updates = content["sizes"]["tiny"]["updates"]
    assert list(updates) == ["fused AdamW", "default"]
    assert updates["default"]["state_floats_per_weight"] == 2.0
    assert updates["fused AdamW"]["times_adamw"] == 1.0
    assert content["share"]["update_seconds"] > 0 < content["machine"]["bytes_per_second"]


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        # 264 weights of 2 floats, live heads 3 chunks of 272 more; AdamW and the rest 4 floats.
        (("--max_state_gb", "5e-6"), "state of 0.0 GB, more than --max_state_gb"),
        (("--max_gb", "11e-6"), "0.0 GB with the others, more than --max_gb"),
        (("--max_minutes", "100"), "2 updates take 80.0 minutes at least, 160.0 with the others"),
    ],
)
def test_variant_beyond_a_limit_is_left_out_and_the_table_says_why(
    monkeypatch, capsys, limit, reason
):
    seconds = 2400.0 / shapes.newton_schulz_flops(TINY)
    peaks = {"bytes_per_second": 1e12, "matmul_flops_per_second": 1 / seconds}
    monkeypatch.setattr(timing, "machine", lambda repeats: peaks)
    variants = ["default", "trained heads", "no orthogonalisation"]
    flags = [*NO_SHARE, "--max_minutes", "1e9", *limit, "--variants", *variants]
    assert bench.main(["cost", *flags]) == 0
    output = capsys.readouterr().out
    assert f"left out, {reason}" in output and output.count("left out") == 1
    assert "\nno orthogonalisation" in output


def test_limit_that_nothing_fits_leaves_adamw(capsys):
    flags = [*NO_SHARE, "--max_gb", "1e-9", "--variants", "default"]
    assert bench.main(["cost", *flags]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("BERT-tiny: measured")


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--repeats", "0"], "received 0"), (["--variants", "defualt"], "received defualt")],
)
def test_flag_that_makes_no_sense_is_refused(flags, message):
    with pytest.raises(ValueError, match=message):
        bench.main(["cost", *flags])
