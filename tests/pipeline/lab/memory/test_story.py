import json

import pytest

from pipeline.commands import bench
from pipeline.lab.memory import story
from pipeline.lab.memory import sweeps as memory_sweeps


def test_small_run_prints_draws_and_writes(tmp_path, monkeypatch, capsys):
    for name, values in (
        ("COUNTS", (2, 8)), ("DIMENSIONS", (2, 4)), ("FEATURES", (4, 8)), ("LENGTHS", (0.7, 2.0)),
        ("_INDEPENDENT_FEATURES", 4000), ("_ORTHOGONAL_FEATURES", 400),
    ):  # fmt: skip
        monkeypatch.setattr(memory_sweeps, name, values)
    plot, output = tmp_path / "memory.png", tmp_path / "memory.json"
    flags = ["--num_features", "8", "4", "--dimension=4", "--patterns=8", "--seeds=2"]
    assert bench.main(["memory", *flags, f"--plot={plot}", f"--output={output}"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("relative deviation of the kernel")
    assert printed[-1].startswith("kernel within") and "with r = 8" in printed[-1]
    assert plot.read_bytes().startswith(b"\x89PNG")
    saved = json.loads(output.read_text())
    assert saved["suite"] == "memory" and saved["settings"]["seeds"] == 2
    sizes = {name: len(rows) for name, rows in saved["sweeps"].items()}
    assert sizes == {
        "kernel": 10, "counts": 4, "dimensions": 4, "lengths": 4, "features": 6, "ages": 24
    }  # fmt: skip


@pytest.fixture
def sweeps():
    def row(size, stored, found):
        share, all_of_them = {"mean": found, "std": 0.1}, {"mean": 1.0, "std": 0.0}
        return {"num_features": size, "patterns": stored, "found": share,
                "found_exactly": all_of_them}  # fmt: skip

    measured = {"mean": 0.44, "std": 0.0}
    return {
        "kernel": [{"num_features": 8, "s": 1.0, "predicted": 0.4, "independent": measured}],
        "counts": [row(8, 2, 0.9), row(8, 4, 0.4), row(8, 8, 0.6), row(16, 2, 1.0),
                   row(16, 4, 0.8), row(16, 8, 0.5)],
    }  # fmt: skip


def test_last_line_says_where_theory_holds_and_memories_end(sweeps):
    # Of r = 8 a chance recovery at 8 patterns does not count: at 4 it was below half.
    assert story.last_line(sweeps) == (
        "kernel within 10% of its theory; at least half of the patterns found up to "
        "2 with r = 8, 8 with r = 16, 8 with softmax (of 8 tried)"
    )


def test_table_shows_measured_and_predicted(sweeps):
    lines = story.table(sweeps).splitlines()
    assert lines[2].split() == ["r", "=", "8", "0.440", "/", "0.400"]
    assert lines[6].split()[:6] == ["r", "=", "16", "100", "+-", "10"]
    assert lines[7].split()[:4] == ["softmax", "100", "+-", "0"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--num_features", "16", "7"], "even numbers of 2 or more, received 7"),
        (["--seeds", "1"], "--seeds: expected 2 or more, received 1"),
        (["--length", "9"], "--length: expected more than 0, at most 4, received 9"),
        (["--tau", "0", "-0.1"], "--tau: expected 0 or more, received -0.1"),
        (["--dimension", "1"], "--dimension: expected 2 or more"),
        (["--plot", "memory.txt"], "ends in .png, .svg, .pdf, received memory.txt"),
    ],
)
def test_flag_that_makes_no_sense_is_named(flags, message):
    with pytest.raises(ValueError, match=message):
        bench.main(["memory", *flags])


def test_folder_that_is_not_there_is_named_before_anything_is_measured(tmp_path):
    with pytest.raises(FileNotFoundError, match="--plot: expected a folder .*nowhere"):
        bench.main(["memory", "--plot", str(tmp_path / "nowhere" / "memory.png")])
