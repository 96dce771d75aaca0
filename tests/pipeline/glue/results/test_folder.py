"""The score folder: what is written into it, and what it says of itself."""

import json

import numpy as np
import pytest
from glue_folders import BY_NAME
from glue_scores import add, header, make_row, weights_header

from pipeline.glue.reader import Reject
from pipeline.glue.results import ResultsFolder
from pipeline.glue.results.not_run import TaskNotRun


def test_the_step_of_the_encoder_is_saved_and_in_the_title(tmp_path):
    folder = ResultsFolder(str(tmp_path), weights_header("0a1b", 12000))
    assert folder.title() == "GLUE, dev sets: encoder of runs/a at step 12,000"
    add(folder, "RTE", 0.5)
    assert json.loads((tmp_path / "results.json").read_text())["encoder_step"] == 12000
    # A folder of before the step was saved is continued.
    assert ResultsFolder(str(tmp_path), header(encoder_hash="0a1b")).rows


def test_results_hold_the_rows_in_task_order_and_their_average(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    add(folder, "RTE", 0.5)
    add(folder, "CoLA", 0.1)
    results = json.loads((tmp_path / "results.json").read_text())
    assert [row["task"] for row in results["rows"]] == ["CoLA", "RTE"]
    assert results["average"] == pytest.approx(0.3)
    assert results["checkpoint"] == "runs/a"


def test_predictions_are_label_names(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    add(folder, "RTE", 0.5, labels=[0, 1], predictions=[1, 1])
    assert (tmp_path / "predictions" / "RTE-seed0.tsv").read_text() == (
        "index\tprediction\tlabel\n0\tnot_entailment\tentailment\n"
        "1\tnot_entailment\tnot_entailment\n"
    )


def test_predicted_scores_have_three_decimals(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    add(folder, "STS-B", 0.5, labels=[3.8, 5.0], predictions=[2.71828, 0.0])
    assert (tmp_path / "predictions" / "STS-B-seed0.tsv").read_text() == (
        "index\tprediction\tlabel\n0\t2.718\t3.800\n1\t0.000\t5.000\n"
    )


def test_the_marker_is_gone_while_a_task_is_at_work(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    add(folder, "RTE", 0.5)
    assert not (tmp_path / "COMPLETED").exists()
    folder.complete()
    assert json.loads((tmp_path / "COMPLETED").read_text()) == {"tasks": ["RTE"], "average": 0.5}
    folder.begin()
    assert not (tmp_path / "COMPLETED").exists()


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file: expected a folder that can be written"):
        ResultsFolder(str(tmp_path / "file"), header()).begin()


def test_rejects_of_a_task_replace_its_own_and_keep_others(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    folder.begin()
    folder.add_rejects(BY_NAME["RTE"], [])
    assert not (tmp_path / "rejects.jsonl").exists()
    folder.add_rejects(BY_NAME["RTE"], [Reject("RTE", "train.tsv", 7, "bad", "text")])
    folder.add_rejects(BY_NAME["CoLA"], [Reject("CoLA", "dev.tsv", 1, "bad", "\u20ac")])
    folder.add_rejects(BY_NAME["RTE"], [Reject("RTE", "train.tsv", 8, "bad", "text")])
    rows = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert [(row["task"], row["line"]) for row in rows] == [("CoLA", 1), ("RTE", 8)]
    assert rows[0] == {
        "task": "CoLA",
        "file": "dev.tsv",
        "line": 1,
        "reason": "bad",
        "text": "\u20ac",
    }


def test_the_markdown_says_of_what_the_average_is_and_what_is_not_run(tmp_path):
    not_run = [TaskNotRun("MNLI", "not_chosen"), TaskNotRun("WNLI", "missing")]
    folder = ResultsFolder(str(tmp_path), header(), not_run=not_run)
    add(folder, "QNLI", 0.5, note="no train.tsv")
    lines = (tmp_path / "results.md").read_text().splitlines()
    assert lines[0] == "# GLUE, dev sets: encoder of runs/a"
    assert [line for line in lines[1:] if line and not line.startswith("|")] == [
        "The average is over 1 of the 9 tasks of GLUE: QNLI.",
        "Convention: the unweighted mean of the tasks' scores on the dev sets, not on test; WNLI "
        "not in it; AX never in it.",
        "Scores are of the last epoch (--choose last): nothing was chosen on dev.",
        "MNLI: not run, it is not in --tasks",
        "WNLI: not run, there is no folder of this name in --glue_dir",
        "QNLI: no train.tsv.",
    ]


def test_tasks_that_are_not_run_are_fields_and_lose_what_was_scored_before(tmp_path):
    add(ResultsFolder(str(tmp_path), header()), "RTE", 0.5)
    not_run = [TaskNotRun("RTE", "not_chosen"), TaskNotRun("MNLI", "missing")]
    folder = ResultsFolder(str(tmp_path), header(), not_run=not_run)
    folder.complete()
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["not_run"] == [{"name": "MNLI", "reason": "missing"}]


def test_sample_tasks_are_not_called_glue(tmp_path):
    folder = ResultsFolder(str(tmp_path), {**header(), "kind": "sample"})
    assert folder.title() == "Sample tasks (not GLUE): encoder of runs/a"


def test_a_task_with_several_seeds_is_one_row_and_as_many_runs(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    for seed, score in ((1, 0.7), (0, 0.5)):
        add(folder, "RTE", score, seed=seed)
    results = json.loads((tmp_path / "results.json").read_text())
    assert [(run["seed"], run["score"]) for run in results["runs"]] == [(0, 0.5), (1, 0.7)]
    [row] = results["rows"]
    assert (row["score"], row["seeds"]) == (pytest.approx(0.6), [0, 1])
    assert results["average"] == pytest.approx(0.6)
    names = sorted(path.name for path in (tmp_path / "predictions").iterdir())
    assert names == ["RTE-seed0.tsv", "RTE-seed1.tsv"]


def test_mnli_has_a_file_of_answers_for_each_dev_set(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    folder.begin()
    row = make_row("MNLI", 0.5, metrics={"accuracy_m": 1.0, "accuracy_mm": 0.0})
    sides = [np.array([0, 2]), np.array([1])]
    folder.add(row, task=BY_NAME["MNLI"], labels=sides, predictions=sides)
    matched = (tmp_path / "predictions" / "MNLI-m-seed0.tsv").read_text()
    assert matched.splitlines()[1:] == ["0\tcontradiction\tcontradiction", "1\tneutral\tneutral"]
    mismatched = (tmp_path / "predictions" / "MNLI-mm-seed0.tsv").read_text()
    assert mismatched.splitlines()[1:] == ["0\tentailment\tentailment"]


def test_the_diagnostic_set_is_kept_and_does_not_count(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    add(folder, "RTE", 0.5)
    row = {"task": "AX", "metrics": {"matthews": 0.2}, "score": 0.2, "examples": 1104}
    row["note"] = "answered by the model of MNLI"
    folder.add_diagnostic(row)
    assert ResultsFolder(str(tmp_path), header()).diagnostic == row
    assert folder.average == 0.5
    assert "AX (diagnostic)" in (tmp_path / "results.md").read_text()
