"""The flags of `mnemosyne inspect`."""

import pytest

from pipeline.commands import inspect


def test_a_negative_count_is_refused_before_the_folder_is_read():
    with pytest.raises(ValueError, match="--count and --max_records: expected 0 or more"):
        inspect.main(["nowhere", "--count", "-1"])


def test_help_gives_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        inspect.main(["--help"])
    assert stop.value.code == 0
    assert "mnemosyne inspect runs/tiny/data" in capsys.readouterr().out
