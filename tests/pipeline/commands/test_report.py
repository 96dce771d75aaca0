"""The flags of `mnemosyne report`, and an output that is refused."""

import os

import pytest
from report_folders import make_run

from pipeline.commands import report


def test_help_gives_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        report.main(["--help"])
    assert stop.value.code == 0
    assert "mnemosyne report runs/tiny/data" in capsys.readouterr().out


def test_an_output_that_cannot_be_written_leaves_nothing(tmp_path):
    make_run(tmp_path / "a", optimizer="adamw", heldout_loss=4.0)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="--output .*folder: expected a file that can be written"):
        report.main([str(tmp_path / "a"), "--output", str(tmp_path / "folder")])
    assert sorted(os.listdir(tmp_path)) == ["a", "folder"]
    assert os.listdir(tmp_path / "folder") == []
