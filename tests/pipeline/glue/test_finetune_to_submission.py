"""`mnemosyne glue` from flags to kept models, answered test files and the zip."""

import pathlib
import re
import zipfile

import pytest
from glue_folders import glue, make_ax, make_task, results_of

from pipeline.commands import glue as command
from pipeline.glue.submission import archive
from pipeline.glue.submission.validator import FORMATS, FileFormat
from pipeline.weights.model_folder import read_model_folder


def test_a_model_with_its_labels_is_kept_of_the_best_seed(folder, seeds_answer):
    seed_to_class, _ = seeds_answer
    make_task(folder / "glue", "RTE", dev=5)  # three of five are class 0
    seed_to_class.update({0: 1, 1: 0, 2: 0})
    assert glue(folder, "--seeds=3") == 0
    assert results_of(folder / "out")["models"] == {"RTE": 1}
    kept = read_model_folder(folder / "out" / "models" / "RTE")
    about = kept.description
    assert (about.kind, about.task, about.labels) == (
        *("classifier", "RTE"),
        ("entailment", "not_entailment"),
    )
    assert about.metrics == {"accuracy": 0.6}
    assert about.sentence_columns == ("sentence1", "sentence2")
    assert about.origin == f"{folder / 'run'}, fine-tuned on RTE with seed 1"
    assert kept.tensors["head/bias"].read().tolist() == [1.0, 0.0]
    # Its test file is answered by the kept model, in label strings.
    answers = (folder / "out" / "submission" / "RTE.tsv").read_text().splitlines()
    assert answers == ["index\tprediction", *(f"{i}\tentailment" for i in range(4))]


def test_a_better_seed_of_a_later_call_replaces_model_and_answers(folder, seeds_answer):
    seed_to_class, done = seeds_answer
    make_task(folder / "glue", "RTE", dev=5)
    seed_to_class.update({0: 1, 1: 0})
    glue(folder)
    before = (folder / "out" / "submission" / "RTE.tsv").read_text()
    glue(folder, "--seeds=2")
    assert done == ["RTE seed 0", "RTE seed 1"]
    assert results_of(folder / "out")["models"] == {"RTE": 1}
    after = (folder / "out" / "submission" / "RTE.tsv").read_text()
    assert (before.count("not_entailment"), after.count("not_entailment")) == (4, 0)


def test_answers_are_not_made_twice(folder, seeds_answer, capsys):
    make_task(folder / "glue", "RTE")
    glue(folder)
    assert "RTE: answering 4 test examples" in capsys.readouterr().out
    glue(folder)
    assert "answering" not in capsys.readouterr().out
    make_task(folder / "glue", "RTE", test=7)  # scores depend on train and dev alone
    glue(folder)
    assert "RTE: answering 7 test examples" in capsys.readouterr().out


def test_a_regression_is_kept_with_its_range_and_answers_three_decimals(folder, seeds_answer):
    make_task(folder / "glue", "STS-B")
    assert glue(folder) == 0
    about = read_model_folder(folder / "out" / "models" / "STS-B").description
    assert (about.labels, about.score_range) == ((), (0.0, 5.0))
    answers = (folder / "out" / "submission" / "STS-B.tsv").read_text().splitlines()
    assert answers[1] == "0\t5.000"


def test_no_model_is_kept_where_none_is_wanted(folder, seeds_answer, capsys):
    make_task(folder / "glue", "RTE")
    assert glue(folder, "--keep_models=none") == 0
    assert not (folder / "out" / "models").exists()
    assert not (folder / "out" / "submission").exists()
    assert "no submission: --keep_models none keeps no model" in capsys.readouterr().out


def test_a_model_that_was_not_kept_is_named_and_no_other_reason(folder, seeds_answer, capsys):
    make_task(folder / "glue", "RTE")
    glue(folder, "--keep_models=none")
    capsys.readouterr()
    assert glue(folder) == 0
    said = capsys.readouterr().out
    assert "WARNING RTE, seed 0: scored by an earlier call, which did not keep the task's" in said
    assert "no submission: no model of RTE was kept to answer test.tsv with" in said


def test_the_model_of_mnli_answers_and_scores_the_diagnostic_set(folder, seeds_answer, capsys):
    make_task(folder / "glue", "MNLI")
    make_ax(folder / "glue")
    assert glue(folder) == 0
    results = results_of(folder / "out")
    [row] = results["rows"]
    assert row["metrics"] == {"accuracy_m": 0.5, "accuracy_mm": 0.5}
    assert results["average"] == 0.5
    assert results["diagnostic"]["metrics"] == {"matthews": 0.0}
    assert results["diagnostic"]["examples"] == 3
    assert sorted(results["test_files"]) == ["AX", "MNLI-m", "MNLI-mm"]
    answers = (folder / "out" / "submission" / "AX.tsv").read_text().splitlines()
    assert answers[1:] == [f"{i}\tcontradiction" for i in range(3)]
    printed = capsys.readouterr().out
    assert "AX: answered by the model of MNLI, seed 0; not in the average." in printed
    assert "MNLI, seed 0: accuracy m / accuracy mm 50.0 / 50.0" in printed


def test_the_zip_is_not_complete_unless_the_user_fills_it_up(folder, seeds_answer, capsys):
    make_task(folder / "glue", "WNLI", test=146)
    assert glue(folder) == 0
    assert "NOT complete, 1 of 11 files; not answered: CoLA, SST-2" in capsys.readouterr().out
    assert not (folder / "out" / "submission.zip").exists()
    assert glue(folder, "--fill_submission") == 0
    printed = capsys.readouterr().out
    assert "QQP.tsv: not predicted by a model, 0 for every row (--fill_submission)" in printed
    assert "submission.zip: complete and checked, 11 files" in printed
    assert "--fill_submission" in (folder / "out" / "results.md").read_text()
    with pytest.raises(SystemExit) as stop:
        command.main(["--check_submission", str(folder / "out" / "submission.zip")])
    assert stop.value.code == 0
    assert "valid, 11 files with 426,309 rows" in capsys.readouterr().out


def test_all_eleven_files_come_from_nine_tasks_and_the_diagnostic_set(
    folder, seeds_answer, monkeypatch
):
    for name in ("CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI"):
        make_task(folder / "glue", name)
    make_ax(folder / "glue")
    small = {name: FileFormat(4, form.answers) for name, form in FORMATS.items()}
    small["AX.tsv"] = FileFormat(3, FORMATS["AX.tsv"].answers)
    monkeypatch.setattr(archive, "check_submission", lambda path: archive_check(path, small))
    assert glue(folder) == 0
    results = results_of(folder / "out")
    assert len(results["rows"]) == 9 and results["not_run"] == []
    assert results["submission"] == [
        "Test sets are answered by models/TASK, of the best seed on dev: CoLA 0, SST-2 0, MRPC 0, "
        "STS-B 0, QQP 0, MNLI 0, QNLI 0, RTE 0, WNLI 0.",
        f"{folder / 'out' / 'submission.zip'}: complete and checked, 11 files with all rows of the "
        "tests",
    ]
    with zipfile.ZipFile(folder / "out" / "submission.zip") as file:
        assert file.namelist() == list(FORMATS)


archive_check = archive.check_submission


def test_a_zip_that_cannot_be_submitted_is_exit_code_1(folder, capsys):
    with zipfile.ZipFile(folder / "bad.zip", "w") as file:
        file.writestr("CoLA.tsv", "index\tprediction\n")
    with pytest.raises(SystemExit) as stop:
        command.main(["--check_submission", str(folder / "bad.zip")])
    assert stop.value.code == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "CoLA.tsv: expected 1,063 rows, received 0"
    assert printed[-1] == f"{folder / 'bad.zip'}: cannot be submitted, 11 problems"


def test_the_table_of_tasks_needs_no_other_flag(capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--list_tasks"])
    assert stop.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:12]] == (
        ["CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI", "AX"]
    )
    assert "--batch_size 32" in lines[-2]


def test_the_lines_of_python_in_the_documentation_run(folder, seeds_answer, monkeypatch):
    for name in ("RTE", "MRPC"):
        make_task(folder / "glue", name)
    glue(folder, "--tasks=RTE")
    page = pathlib.Path(__file__).parents[3].joinpath("docs", "glue.md").read_text()
    [code] = re.findall("```python\n(.*?)```", page, flags=re.DOTALL)
    places = {"GLUE": "glue", "RUN": "out/models/RTE", "scores": "again"}
    for name, place in places.items():
        code = code.replace(f'"{name}"', repr(str(folder / place)))
    exec(code, {})  # noqa: S102
    assert [row["seeds"] for row in results_of(folder / "again")["rows"]] == [[0, 1, 2]] * 2
