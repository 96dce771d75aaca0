import pytest

from pipeline.commands import bench


def test_help_lists_sizes_and_limits(capsys):
    with pytest.raises(SystemExit, match="0"):
        bench.main(["cost", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--sizes {tiny,mini,small,medium,base,large}" in text
    assert "--max_minutes MAX_MINUTES of a size, at peak rate (5)" in text
    assert "--max_gb MAX_GB of a size, all of it together (12)" in text


@pytest.mark.parametrize("suite", ["cost", "vit", "prompt"])
def test_every_generation_of_tpu_may_be_named(suite, capsys):
    with pytest.raises(SystemExit, match="0"):
        bench.main([suite, "--help"])
    assert "--tpu {v2,v4,v5e,v5p,v6e}" in " ".join(capsys.readouterr().out.split())
