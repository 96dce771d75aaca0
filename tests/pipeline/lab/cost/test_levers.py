"""What makes the orthogonalisation cheaper: operations by hand, and the table."""

import json

import pytest

from pipeline.commands import bench
from pipeline.lab.cost import levers, shapes, timing

CUBE = 768**3
WHOLE_IN_FIVE = {"attention_block": None, "newton_schulz_wide_iterations": None}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # Symmetric products take three quarters. Five iterations on 50 squares, (1.5 + 1.5 + 2) n^3
        # each; 24 wide ones in parts of 3 and 2 iterations, each (6 + 8) n^3 and 1.5 n^3 for 3 + 6
        # and 2 + 3 products of the small square.
        (WHOLE_IN_FIVE, (50 * 25 + 24 * (14 + 13.5 + 14 + 7.5)) * CUBE),
        (
            {**WHOLE_IN_FIVE, "newton_schulz_iterations": 3},
            (50 * 15 + 24 * (14 + 13.5)) * CUBE,
        ),
        ({"attention_block": None}, (50 * 25 + 24 * (14 + 13.5)) * CUBE),
        # 48 kernels of six blocks of 128 x 768 in five iterations, all products whole: 4 * 6 128^3
        # for each of two parts, and 2 (9 + 5) 128^3 of small squares.
        ({"attention_block": 128}, (2 * 25 + 24 * 27.5) * CUBE + 48 * 6 * 76 * 128**3),
        # Twelve of 64 x 768: 4 * 12 64^3 for each part.
        ({}, (2 * 25 + 24 * 27.5) * CUBE + 48 * 12 * 124 * 64**3),
    ],
)
def test_products_of_bert_base(settings, expected):
    assert levers.products_flops(shapes.bert("base"), **settings) == expected


def test_table_has_a_row_for_each_lever(monkeypatch, tmp_path, capsys):
    tiny = [("query/kernel", (16, 8)), ("dense/kernel", (16, 8)), ("dense/bias", (8,))]
    monkeypatch.setattr(shapes, "bert", lambda size: tiny)
    few = {name: timing.LEVERS[name] for name in ("default", "heads in pairs")}
    monkeypatch.setattr(timing, "LEVERS", few)
    monkeypatch.setattr(levers, "LEVERS", few)
    path = tmp_path / "cost.json"
    flags = ["--levers", "--no_share", "--repeats", "1", "--variants", "default"]
    assert bench.main(["cost", *flags, "--output", str(path)]) == 0
    assert "heads in pairs" in capsys.readouterr().out
    found = json.loads(path.read_text())["levers"]
    assert list(found) == list(few)
    assert found["default"]["shares"].keys() == {"8192", "32768", "131072"}
    assert all(each["update_seconds"] > 0 for each in found.values())
