"""The picture shows every sweep; what it draws is in the rows."""

import pytest

from pipeline.lab.memory import plots


def _figure(mean):
    return {"mean": mean, "std": 0.1}


def _row(**changes):
    row = {"num_features": 8, "dimension": 4, "length": 1.5, "tau": 0.0, "patterns": 16}
    found = {"found": _figure(0.5), "found_exactly": _figure(1.0), "error": _figure(0.3)}
    return row | found | changes


@pytest.fixture
def sweeps():
    kernel = [
        {"num_features": 8, "s": square, "predicted": 0.1, "independent": _figure(0.1),
         "orthogonal": _figure(0.08)}
        for square in (0.5, 1.0)
    ]  # fmt: skip
    return {
        "kernel": kernel,
        "counts": [_row(patterns=count) for count in (2, 4)],
        "dimensions": [_row(dimension=dimension) for dimension in (4, 8)],
        "lengths": [_row(length=length) for length in (0.7, 1.5)],
        "features": [_row(num_features=size, length=length) for length in (0.7, 1.5)
                     for size in (8, 16)],
        "ages": [_row(age=age, tau=tau) for tau in (0.0, 0.25) for age in (1.0, 3.0)],
    }  # fmt: skip


def test_picture_names_every_panel_line_and_limit(sweeps, tmp_path, monkeypatch):
    monkeypatch.setitem(plots._STYLE, "svg.fonttype", "none")
    plots.save(str(tmp_path / "memory.svg"), sweeps, heading="What it recalls")
    text = (tmp_path / "memory.svg").read_text()
    for said in ("What it recalls", "The kernel", "closer to softmax", "Sharp queries",
                 "How many patterns it holds", "How wide they may be", "What the discount forgets",
                 "r = 8", "length 1.5", "16 patterns, d = 4", "the optimizer's 0.7"):  # fmt: skip
        assert said in text, said
    assert [path.name for path in tmp_path.iterdir()] == ["memory.svg"]


def test_ending_that_is_no_picture_is_refused(sweeps, tmp_path):
    with pytest.raises(ValueError, match="txt"):
        plots.save(str(tmp_path / "memory.txt"), sweeps, heading="")
