"""Every task that is left out is named with its reason."""

import pytest

from pipeline.glue.results.not_run import TaskNotRun, one_line, tasks_not_run
from pipeline.glue.tasks import TASKS

BY_NAME = {task.name: task for task in TASKS}


def not_run(folder, chosen, present, *, sample_tasks=False):
    for name in present:
        (folder / name).mkdir()
    tasks = [BY_NAME[name] for name in chosen]
    found = tasks_not_run(str(folder), tasks, sample_tasks=sample_tasks)
    return [(each.name, each.reason) for each in found]


def test_each_task_of_glue_is_run_or_named(tmp_path):
    found = not_run(tmp_path, chosen=["CoLA"], present=["CoLA", "RTE", "MNLI"])
    assert found == [
        ("SST-2", "missing"),
        ("MRPC", "missing"),
        ("STS-B", "missing"),
        ("QQP", "missing"),
        ("MNLI", "not_chosen"),
        ("QNLI", "missing"),
        ("RTE", "not_chosen"),
        ("WNLI", "missing"),
    ]


def test_a_folder_that_is_no_task_is_named_and_a_file_or_hidden_folder_is_not(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    found = not_run(tmp_path, chosen=["CoLA"], present=["cola", ".git", "SST-2"])
    assert found[-2:] == [("WNLI", "missing"), ("cola", "unknown")]


def test_of_sample_tasks_none_is_missing(tmp_path):
    found = not_run(tmp_path, chosen=["CoLA"], present=["CoLA", "RTE"], sample_tasks=True)
    assert found == [("RTE", "not_chosen")]


def test_the_line_of_a_task():
    line = TaskNotRun("MNLI", "not_chosen").line()
    assert line == "MNLI: not run, it is not in --tasks"


def test_all_of_them_in_one_line():
    reasons = {"QQP": "missing", "RTE": "not_chosen", "MNLI": "missing", "x": "unknown"}
    not_run = [TaskNotRun(name, reason) for name, reason in reasons.items()]
    expected = "not run: QQP, MNLI (missing), RTE (not chosen), x (unknown)"
    assert one_line(not_run) == expected
    assert one_line([]) == ""


@pytest.mark.parametrize("folder", ["AX", "diagnostic"])
def test_the_diagnostic_set_needs_the_model_of_mnli(tmp_path, folder):
    assert ("AX", "needs_mnli") in not_run(tmp_path, chosen=["CoLA"], present=[folder])


def test_the_diagnostic_set_without_labels_is_predicted_and_not_scored(tmp_path):
    found = not_run(tmp_path, chosen=["MNLI"], present=["diagnostic"])
    assert found[-1] == ("AX", "unlabelled")
    assert TaskNotRun(*found[-1]).line() == (
        "AX: not scored, its answers are not in the folder: diagnostic-full.tsv has them"
    )
    (tmp_path / "diagnostic" / "diagnostic-full.tsv").write_text("")
    assert "AX" not in dict(not_run(tmp_path, chosen=["MNLI"], present=[]))


def test_nobody_expects_the_diagnostic_set_where_there_is_neither_it_nor_mnli(tmp_path):
    assert "AX" not in dict(not_run(tmp_path, chosen=["CoLA"], present=["CoLA"]))
    assert ("AX", "missing") in not_run(tmp_path, chosen=["MNLI"], present=[])


def test_a_reason_of_an_earlier_version_still_has_words():
    line = TaskNotRun("MNLI", "unsupported").line()
    assert line == "MNLI: not run, this version does not support the task"
