"""Fine-tuning that is killed as it renames a file ends, called again, as one that is not."""

import json
import os

import pytest

from pipeline.commands import glue


class KilledError(BaseException):
    """Stands for a signal: no code of ours catches it."""


def run(folders, output):
    return glue.main(
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
