"""Fine-tuning that is stopped as it writes its files ends, called again, as one that is not."""

import json
import os

import pytest
from glue_folders import glue, make_task, results_of

from pipeline.commands import glue as command
from pipeline.weights.model_folder import read_model_folder


class KilledError(BaseException):
    """Stands for a signal: no code of ours catches it."""


def run(folders, output):
    return command.main(
        [
            f"--checkpoint={folders / 'run'}",
            f"--glue_dir={folders / 'glue'}",
            f"--output={output}",
            "--tasks=SST-2",
            "--random_init",
            "--seeds=2",
            "--max_seq_length=16",
        ]
    )


def answers(output):
    """Every file but the times."""
    results = json.loads((output / "results.json").read_text())
    for row in (*results["rows"], *results["runs"]):
        del row["seconds"]
    files = sorted(path for path in output.rglob("*") if path.is_file())
    names = [str(path.relative_to(output)) for path in files]
    predictions = [path.read_text() for path in files if path.suffix == ".tsv"]
    return results, names, predictions


def test_killed_at_a_rename_and_called_again(folders, quick, tmp_path, monkeypatch):
    expected_output = tmp_path / "whole"
    renames = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (renames.append(paths), replace(*paths)))
    assert run(folders, expected_output) == 0
    assert renames[-1][1].endswith("COMPLETED")

    def dies(number):
        calls = []

        def replace_or_die(*paths):
            calls.append(paths)
            if len(calls) == number:
                raise KilledError
            replace(*paths)

        return replace_or_die

    output = tmp_path / "killed"
    # Again and again in one folder: at its first renames, in the model, and at the marker.
    for number in (1, 2, 3, 5, 2, 1):
        monkeypatch.setattr(os, "replace", dies(number))
        with pytest.raises(KilledError):
            run(folders, output)
        assert not (output / "COMPLETED").exists()
    monkeypatch.setattr(os, "replace", replace)
    assert run(folders, output) == 0
    assert answers(output) == answers(expected_output)


def test_a_stop_between_model_and_row_leaves_a_seed_that_is_run_again(
    folder, seeds_answer, monkeypatch
):
    _, done = seeds_answer
    make_task(folder / "glue", "RTE")

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr("pipeline.glue.results.folder.ResultsFolder.add", stop)
        glue(folder)
    assert (folder / "out" / "models" / "RTE" / "model.json").exists()
    assert not (folder / "out" / "results.json").exists()
    assert glue(folder) == 0
    assert done == ["RTE seed 0", "RTE seed 0"]
    assert results_of(folder / "out")["models"] == {"RTE": 0}


def test_a_stop_within_the_model_leaves_none_that_looks_finished(folder, seeds_answer, monkeypatch):
    make_task(folder / "glue", "RTE")

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr("pipeline.weights.model_folder.write_tensors", stop)
        glue(folder)
    assert not (folder / "out" / "models" / "RTE" / "model.json").exists()
    assert glue(folder) == 0
    assert read_model_folder(folder / "out" / "models" / "RTE")
