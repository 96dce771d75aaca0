"""Every example of docs/using_a_model.md, typed as it stands there."""

import json
import pathlib
import re
import shlex
import shutil

import pytest

from pipeline import cli

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "using_a_model.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|yaml|bash)\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture
def folder(pretrained_run, tmp_path, monkeypatch):
    """A folder with the files that the page names, the current one."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pretrained_run, "run")
    pathlib.Path("run/COMPLETED").write_text("{}")
    rows = [{"review": f"the {word}", "stars": stars} for word, stars in WORDS.items()]
    for name in ("train", "dev", "test"):
        lines = "".join(json.dumps(row) + "\n" for row in rows * 4)
        pathlib.Path(f"{name}.jsonl").write_text(lines)
    pathlib.Path("new.tsv").write_text("review\nthe cat\nthe mat sat\n")
    pathlib.Path("pairs.jsonl").write_text('{"good": "the cat sat", "bad": "the mat on"}\n')
    return tmp_path


WORDS = {"cat": "good", "mat": "bad"}


@pytest.mark.slow
def test_every_example_runs(folder, capsys):
    assert [kind for kind, _ in BLOCKS].count("bash") == 3
    for kind, block in BLOCKS:
        if kind == "yaml":
            (folder / "my_task.yaml").write_text(block)
        elif kind == "python":
            exec(compile(block, "using_a_model.md", "exec"), {})
        else:
            for line in block.splitlines():
                assert cli.main(shlex.split(line)[1:]) == 0, line
    labels = (folder / "labels.tsv").read_text().splitlines()
    assert labels[0] == "row\tlabel\tprobability" and len(labels) == 3
    assert (folder / "curve" / "scores_by_step.png").exists()
    assert len((folder / "pair_scores.jsonl").read_text().splitlines()) == 1
    said = capsys.readouterr().out
    assert "Prediction(label=" in said and "accuracy " in said
