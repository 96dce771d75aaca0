import pytest

from pipeline.commands import bench
from pipeline.lab.races import race


def test_help_lists_sizes_and_limits(capsys):
    with pytest.raises(SystemExit, match="0"):
        bench.main(["optimizer", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--sizes {tiny,mini,small,medium,base,large}" in text
    assert "--max_minutes MAX_MINUTES of a size, at peak rate (5)" in text
    assert "--max_gb MAX_GB of a size, all of it together (12)" in text


@pytest.mark.parametrize("flag", ["--output", "--plot"])
def test_missing_folder_is_found_out_before_the_race(tmp_path, monkeypatch, flag):
    monkeypatch.setattr(race, "main", lambda args: pytest.fail("raced"))
    with pytest.raises(FileNotFoundError, match=f"{flag}: expected a folder .*nowhere"):
        bench.main(["optimizer", "--suite", "vision", flag, str(tmp_path / "nowhere" / "race")])
