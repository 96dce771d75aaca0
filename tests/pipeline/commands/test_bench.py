import pytest

from pipeline.commands import bench


def test_unknown_suite_exits_with_2_and_names_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        bench.main(["prepar"])
    assert stop.value.code == 2
    assert "prepare" in capsys.readouterr().err


def test_flags_behind_the_suite_are_its_own(capsys):
    with pytest.raises(SystemExit) as stop:
        bench.main(["prepare", "--help"])
    assert stop.value.code == 0
    assert "--google_bert" in capsys.readouterr().out
