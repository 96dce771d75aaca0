import json
import math

import pytest

from pipeline.lab.races.runs_file import Curve, FinishedRun, RunKey, RunsFile

KEY = RunKey("digits_mlp", "5f0c", "91ab", 0)


def finished(key=KEY, losses=(2.0, 1.5)):
    curve = Curve([10, 20], [1.0, 2.0], [0.5, 1.0], list(losses), [0.25, 0.5])
    return FinishedRun(key, "adamw", 0.004, "digits", 64, None, "2026-11-29", curve)


@pytest.mark.parametrize("name", ["runs.jsonl", "other.jsonl"])
def test_a_run_comes_back_as_it_was_added(tmp_path, name):
    path = str(tmp_path if name == "runs.jsonl" else tmp_path / name)  # a folder, or a file
    RunsFile(path).add(finished())
    assert RunsFile(path).find(KEY) == finished()
    assert RunsFile(path).find(RunKey("digits_mlp", "5f0c", "91ab", 1)) is None
    (line,) = (tmp_path / name).read_text().splitlines()
    assert json.loads(line)["curve"]["losses"] == [2.0, 1.5]


def test_a_file_that_is_not_there_holds_no_run(tmp_path):
    assert RunsFile(str(tmp_path / "nowhere")).all() == []


def test_losses_keep_five_decimals_and_what_is_not_finite_becomes_nan(tmp_path):
    RunsFile(str(tmp_path)).add(finished(losses=(1.234567, math.inf)))
    line = json.loads((tmp_path / "runs.jsonl").read_text())
    assert line["curve"]["losses"] == [1.23457, None]
    first, last = RunsFile(str(tmp_path)).find(KEY).curve.losses
    assert first == 1.23457 and math.isnan(last)


def test_two_processes_add_to_one_file_and_see_each_others_runs(tmp_path):
    ours, theirs = RunsFile(str(tmp_path)), RunsFile(str(tmp_path))
    other = RunKey("digits_mlp", "5f0c", "91ab", 1)
    ours.add(finished())
    theirs.add(finished(other))
    assert ours.find(other) == finished(other) and theirs.find(KEY) == finished()


def test_half_a_line_of_a_killed_process_is_named_and_spoils_no_other(tmp_path, capsys):
    RunsFile(str(tmp_path)).add(finished())
    path = tmp_path / "runs.jsonl"
    path.write_text(path.read_text() + path.read_text()[:40])
    other = RunKey("digits_mlp", "5f0c", "91ab", 1)
    RunsFile(str(tmp_path)).add(finished(other))
    assert [run.key for run in RunsFile(str(tmp_path)).all()] == [KEY, other]
    assert f"{path}:2: left out, its run is made again" in capsys.readouterr().err
