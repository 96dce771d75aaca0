"""The flags of `mnemosyne report`."""

import pytest

from pipeline.commands import report


def test_help_gives_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        report.main(["--help"])
    assert stop.value.code == 0
    assert "mnemosyne report runs/tiny/data" in capsys.readouterr().out
