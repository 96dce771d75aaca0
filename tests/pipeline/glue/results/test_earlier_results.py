"""A folder of scores that an earlier call left: continued, or refused with the reason."""

import json

import pytest
from glue_folders import BY_NAME
from glue_scores import add, header, make_row, weights_header

from pipeline.glue.results import ResultsFolder
from pipeline.glue.results.earlier_results import read_results


def test_a_finished_task_is_known_to_the_next_run(tmp_path):
    add(ResultsFolder(str(tmp_path), header()), "RTE", 0.5)
    again = ResultsFolder(str(tmp_path), header())
    assert again.finished_run(BY_NAME["RTE"], 0, "aa")["score"] == 0.5
    assert again.finished_run(BY_NAME["RTE"], 1, "aa") is None
    assert again.finished_run(BY_NAME["CoLA"], 0, "aa") is None


def test_other_settings_are_refused_with_every_difference(tmp_path):
    add(ResultsFolder(str(tmp_path), header(learning_rate=1e-4)), "RTE", 0.5)
    with pytest.raises(ValueError, match="seed: 0 -> 1; learning_rate: 0.0001 -> 0.001"):
        ResultsFolder(str(tmp_path), header(seed=1, learning_rate=1e-3))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (400, 800, "runs/a was trained further since, from step 400 to 800; use another --output"),
        (None, 800, "runs/a was trained further since; use another --output"),
        (800, 400, "runs/a was trained anew since; use another --output"),
    ],
)
def test_weights_that_changed_since_are_refused_without_their_hashes(tmp_path, old, new, message):
    add(ResultsFolder(str(tmp_path), weights_header("0a1b", old)), "RTE", 0.5)
    with pytest.raises(ValueError, match=message) as error:
        ResultsFolder(str(tmp_path), weights_header("2c3d", new))
    assert "0a1b" not in str(error.value)


def test_weights_of_another_run_are_refused_by_its_name(tmp_path):
    add(ResultsFolder(str(tmp_path), weights_header("0a1b", 400)), "RTE", 0.5)
    with pytest.raises(ValueError, match="results of runs/a, received runs/b; use another --out"):
        ResultsFolder(str(tmp_path), weights_header("2c3d", 400, checkpoint="runs/b"))


def test_random_weights_that_differ_are_not_said_to_be_trained(tmp_path):
    random = {"initialisation": "random"}
    add(ResultsFolder(str(tmp_path), weights_header("0a1b", None, **random)), "RTE", 0.5)
    with pytest.raises(ValueError, match="other settings: encoder_hash: 0a1b -> 2c3d"):
        ResultsFolder(str(tmp_path), weights_header("2c3d", None, **random))


def test_other_files_of_a_finished_task_are_refused(tmp_path):
    folder = ResultsFolder(str(tmp_path), header())
    add(folder, "RTE", 0.5, sha256="aa")
    with pytest.raises(ValueError, match="a result of RTE from other files: sha256 aa -> bb"):
        folder.finished_run(BY_NAME["RTE"], 1, "bb")


def test_a_folder_of_an_earlier_version_goes_on(tmp_path):
    old = {**header(), "average": 0.5, "rows": [make_row("RTE", 0.5)]}
    (tmp_path / "results.json").write_text(json.dumps(old))
    folder = ResultsFolder(str(tmp_path), header())
    assert folder.finished_run(BY_NAME["RTE"], 0, "aa")
    add(folder, "CoLA", 0.1)
    assert [row["task"] for row in folder.rows] == ["CoLA", "RTE"]


@pytest.mark.parametrize("content", ['{"rows": [', "[]", '{"rows": []}', ""])
def test_results_that_no_call_wrote_are_named(tmp_path, content):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ValueError, match="results.json: expected JSON with settings and rows, rec"):
        ResultsFolder(str(tmp_path), header())


@pytest.mark.parametrize(
    "content", ['{"settings": 5, "rows": []}', '{"settings": {}, "rows": 5}', "[" * 100_000]
)
def test_results_of_other_kinds_are_no_results(tmp_path, content):
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(ValueError, match="expected JSON with settings and rows"):
        read_results(str(tmp_path / "results.json"))
