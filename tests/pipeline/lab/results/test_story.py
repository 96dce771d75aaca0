import pathlib

import pytest

from pipeline.commands import bench
from pipeline.lab.races.runs_file import RunsFile
from pipeline.lab.results import outcomes

DOCS = pathlib.Path(__file__).parents[4] / "docs"
RUNS = DOCS / "results" / "runs.jsonl"


def test_the_page_in_the_repository_is_that_of_its_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(DOCS.parent)
    flags = ["--runs=docs/results/runs.jsonl", f"--output={tmp_path}/results.md"]
    assert bench.main(["results", *flags, f"--plot={tmp_path}/loss_curves.png"]) == 0
    written = (tmp_path / "results.md").read_text().replace(str(tmp_path), "docs")
    kept = (DOCS / "results.md").read_text().replace("docs/results/loss", "docs/loss")
    assert written == kept and len(kept.splitlines()) <= 110
    assert (tmp_path / "loss_curves.png").stat().st_size < 150_000


def test_todays_code_would_make_every_run_of_the_repository():
    """Each is on the page: its settings are those of a contestant of today."""
    runs = RunsFile(str(RUNS)).all()
    found = outcomes.outcomes_of(runs)
    shown = {
        (outcome.task.name, tuple(curve.losses))
        for _, outcome in found
        for by_rate in outcome.curves.values()
        for curves in by_rate.values()
        for curve in curves
    }
    assert {(run.key.task, tuple(run.curve.losses)) for run in runs} == shown
    assert RUNS.stat().st_size < 2**20


def test_runs_of_renamed_settings_are_found_again_after_rekey(finished, tmp_path, capsys):
    """As after a setting was renamed that changes no number."""
    file = RunsFile(str(tmp_path))
    file.add(finished("bert_l2_h64", "mnemosyne", 1.0, 0, 5.2, settings="renamed"))
    flags = [f"--runs={tmp_path}", f"--output={tmp_path}/results.md"]
    with pytest.raises(ValueError, match="found none"):
        bench.main(["results", *flags])
    assert bench.main(["results", *flags, "--rekey"]) == 0
    assert "1 run(s) have new settings" in capsys.readouterr().out
    (run,) = RunsFile(str(tmp_path)).all()
    assert run == finished("bert_l2_h64", "mnemosyne", 1.0, 0, 5.2)


def test_without_runs_it_says_how_to_make_some(tmp_path):
    with pytest.raises(ValueError, match="--runs: expected finished runs .* bench race"):
        bench.main(["results", f"--runs={tmp_path}", f"--output={tmp_path}/results.md"])
