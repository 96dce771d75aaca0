import pytest

from pipeline.commands import bench
from pipeline.lab.races import race


def test_unknown_suite_exits_with_2_and_names_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stop:
        bench.main(["prepar"])
    assert stop.value.code == 2
    assert "prepare" in capsys.readouterr().err


@pytest.mark.parametrize("suite", bench.SUITES)
def test_every_suite_has_its_own_flags_and_an_example(capsys, suite):
    with pytest.raises(SystemExit) as stop:
        bench.main([suite, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: mnemosyne bench {suite}" in text
    assert f"  mnemosyne bench {suite} " in text.partition("example:")[2]


@pytest.mark.parametrize("flag", ["--output", "--plot"])
def test_missing_folder_is_found_out_before_anything_runs(tmp_path, monkeypatch, flag):
    monkeypatch.setattr(race, "run", lambda *_, **__: pytest.fail("ran"))
    with pytest.raises(FileNotFoundError, match=f"{flag}: expected a folder .*nowhere"):
        bench.main(["race", flag, str(tmp_path / "nowhere" / "race")])
