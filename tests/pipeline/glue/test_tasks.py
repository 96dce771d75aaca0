"""One row per task is complete, and folders choose the tasks."""

import pytest

from data_prep import sample_glue_tasks
from pipeline.glue import tasks

BY_NAME = {task.name: task for task in tasks.TASKS}


def test_tasks_are_the_nine_of_glue_in_its_order():
    assert (
        *("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI"),
    ) == tasks.GLUE_TASKS
    assert tuple(BY_NAME) == tasks.GLUE_TASKS


@pytest.mark.parametrize("task", tasks.TASKS, ids=lambda task: task.name)
def test_text_and_label_columns_are_columns_of_the_file(task):
    for columns in (task.columns, task.dev_columns or task.columns):
        assert {*task.text_columns, task.label_column} <= set(columns)
    assert set(task.text_columns) <= set(task.test_columns)
    assert task.label_column not in task.test_columns
    assert len(task.text_columns) in (1, 2)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("CoLA", ("0", "1")),
        ("SST-2", ("0", "1")),
        ("MRPC", ("0", "1")),
        ("STS-B", ()),
        ("QQP", ("0", "1")),
        ("MNLI", ("contradiction", "entailment", "neutral")),
        ("QNLI", ("entailment", "not_entailment")),
        ("RTE", ("entailment", "not_entailment")),
        ("WNLI", ("0", "1")),
    ],
)
def test_label_order_is_that_of_google_research_bert(name, labels):
    assert BY_NAME[name].labels == labels


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CoLA", "Matthews"),
        ("MRPC", "F1 / accuracy"),
        ("STS-B", "Pearson / Spearman"),
        ("SST-2", "accuracy"),
        ("QQP", "F1 / accuracy"),
        ("MNLI", "accuracy m / accuracy mm"),
        ("QNLI", "accuracy"),
        ("RTE", "accuracy"),
        ("WNLI", "accuracy"),
    ],
)
def test_metrics_are_the_official_ones(name, words):
    assert BY_NAME[name].metric_label == words


def test_only_the_regression_has_one_output():
    assert {task.name: task.num_outputs for task in tasks.TASKS if task.num_outputs != 2} == {
        "STS-B": 1,
        "MNLI": 3,
    }
    assert [task.name for task in tasks.TASKS if task.is_regression] == ["STS-B"]


def test_all_means_every_task_folder_and_ignores_others(tmp_path):
    for name in ("RTE", "CoLA", "mnli", "diagnostic"):
        (tmp_path / name).mkdir()
    assert [task.name for task in tasks.select_tasks(str(tmp_path), "all")] == ["CoLA", "RTE"]


def test_names_may_be_in_any_case_and_order(tmp_path):
    for name in ("RTE", "CoLA", "SST-2"):
        (tmp_path / name).mkdir()
    chosen = tasks.select_tasks(str(tmp_path), "rte, cola")
    assert [task.name for task in chosen] == ["CoLA", "RTE"]


def test_an_unknown_task_is_named_beside_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match="expected all or some of CoLA.*received CoLLA"):
        tasks.select_tasks(str(tmp_path), "CoLLA")


def test_no_task_at_all_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="received nothing"):
        tasks.select_tasks(str(tmp_path), " , ")


def test_a_missing_task_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="folder of task RTE is missing"):
        tasks.select_tasks(str(tmp_path), "RTE")


def test_a_folder_without_tasks_says_what_it_holds(tmp_path):
    (tmp_path / "cola").mkdir()
    with pytest.raises(FileNotFoundError, match="received cola"):
        tasks.select_tasks(str(tmp_path), "all")


def test_a_missing_glue_dir_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere: expected a folder"):
        tasks.select_tasks(str(tmp_path / "nowhere"), "all")


def test_the_diagnostic_set_is_named_with_mnli_or_not_at_all(tmp_path):
    for name in ("MNLI", "CoLA"):
        (tmp_path / name).mkdir()
    assert [task.name for task in tasks.select_tasks(str(tmp_path), "ax,mnli")] == ["MNLI"]
    with pytest.raises(ValueError, match="expected MNLI with AX, which has no training data"):
        tasks.select_tasks(str(tmp_path), "AX,CoLA")


def test_submission_names_are_the_eleven_of_the_benchmark():
    names = [name for task in (*tasks.TASKS, tasks.AX) for name, _ in task.test_files]
    assert names == (
        ["CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI-m", "MNLI-mm", "QNLI", "RTE", "WNLI", "AX"]
    )


def test_the_diagnostic_set_has_the_labels_of_mnli():
    assert tasks.AX.labels == BY_NAME["MNLI"].labels


def test_sample_tasks_are_known_by_a_field_and_not_by_words(tmp_path):
    (tmp_path / "README.txt").write_text("These two tasks are NOT GLUE.\n")
    assert not tasks.holds_sample_tasks(str(tmp_path))
    (tmp_path / "sample_tasks.json").write_text('{"is_glue": false}')
    assert tasks.holds_sample_tasks(str(tmp_path))


def test_tasks_of_the_sample_tasks_command_are_known(tmp_path):
    lines = [f"document {name} holds sentence number {i} here" for name in "ab" for i in range(30)]
    (tmp_path / "corpus.txt").write_text("\n\n".join(lines))
    output = tmp_path / "tasks"
    arguments = ["--sentences=given", "--heldout_fraction=0.9", f"--output={output}"]
    assert sample_glue_tasks.main([f"--input={tmp_path}/corpus.txt", *arguments]) == 0
    assert tasks.holds_sample_tasks(str(output))


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"is_glue": "no"}'])
def test_what_does_not_say_whether_it_is_glue_is_refused(tmp_path, content):
    (tmp_path / "sample_tasks.json").write_text(content)
    with pytest.raises(ValueError, match=r'sample_tasks.json: expected JSON with "is_glue"'):
        tasks.holds_sample_tasks(str(tmp_path))
