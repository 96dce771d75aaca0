import json
import platform

import numpy as np
import pytest

from pipeline.lab import figures_file


def test_file_holds_the_figures_and_the_versions_they_were_taken_with(tmp_path):
    figures_file.save(str(tmp_path / "f.json"), {"x": 1.5}, versions_of=["numpy"])
    versions = {"numpy": np.__version__, "python": platform.python_version()}
    assert json.loads((tmp_path / "f.json").read_text()) == {"x": 1.5, "versions": versions}
    assert [path.name for path in tmp_path.iterdir()] == ["f.json"]


def test_figures_that_json_cannot_hold_leave_the_file_of_before(tmp_path):
    (tmp_path / "f.json").write_text("before")
    with pytest.raises(TypeError, match="not JSON serializable"):
        figures_file.save(str(tmp_path / "f.json"), {"x": 1, "y": object()})
    assert (tmp_path / "f.json").read_text() == "before"


def test_missing_folder_is_named_with_its_flag(tmp_path):
    there, nowhere = str(tmp_path / "f.json"), str(tmp_path / "no" / "f.png")
    figures_file.check_folders({"output": there, "plot": None})
    with pytest.raises(FileNotFoundError, match="--other: expected a folder .*no, but"):
        figures_file.check_folders({"output": there, "other": nowhere})
