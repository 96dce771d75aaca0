"""Every task that is left out is named with its reason."""

from pipeline.glue.not_run import TaskNotRun, average_text, one_line, tasks_not_run
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
        ("QQP", "unsupported"),
        ("MNLI", "unsupported"),
        ("QNLI", "missing"),
        ("RTE", "not_chosen"),
        ("WNLI", "missing"),
    ]


def test_a_folder_that_is_no_task_is_named_and_a_file_or_hidden_folder_is_not(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    found = not_run(tmp_path, chosen=[t.name for t in TASKS], present=["cola", ".git", "AX"])
    assert found[2:] == [("AX", "unsupported"), ("cola", "unknown")]


def test_of_sample_tasks_none_is_missing(tmp_path):
    found = not_run(tmp_path, chosen=["CoLA"], present=["CoLA", "RTE"], sample_tasks=True)
    assert found == [("RTE", "not_chosen")]


def test_the_line_of_a_task():
    line = TaskNotRun("MNLI", "unsupported").line()
    assert line == "MNLI: not run, this version does not support the task"


def test_all_of_them_in_one_line():
    reasons = {"QQP": "unsupported", "RTE": "not_chosen", "MNLI": "unsupported", "x": "unknown"}
    not_run = [TaskNotRun(name, reason) for name, reason in reasons.items()]
    expected = "not run: QQP, MNLI (unsupported), RTE (not chosen), x (unknown)"
    assert one_line(not_run) == expected
    assert one_line([]) == ""


def test_an_average_says_of_what():
    assert (
        average_text(["CoLA", "RTE"], sample_tasks=False)
        == "The average is over 2 of the 9 tasks of GLUE: CoLA, RTE."
    )
    assert average_text(["RTE"], sample_tasks=True) == "The average is over 1 sample tasks: RTE."


def test_the_diagnostics_of_glue_are_no_unknown_folder(tmp_path):
    for name in ("AX", "diagnostic"):
        (tmp_path / name).mkdir()
    lines = [each.line() for each in tasks_not_run(str(tmp_path), (), sample_tasks=False)]
    assert {
        "AX: not run, this version does not support the task",
        "diagnostic: not run, this version does not support the task",
    } <= set(lines)
