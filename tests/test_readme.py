"""What the README says holds: its code runs, its commands and paths exist."""

import pathlib
import re

import numpy as np

from pipeline import cli
from pipeline.recipes import loader

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def code_with(words):
    """The one Python block of the README that holds these words."""
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    (code,) = [block for block in blocks if words in block]
    return code


def test_six_lines_train_a_model_that_is_not_ours():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 512)
    images = rng.normal(size=(512, 20)).astype(np.float32) * 0.1
    images[np.arange(512), labels] += 1.0  # the class can be read off one input
    scope = {"images": images, "labels": labels}
    exec(code_with("Mnemosyne"), scope)
    loss, accuracy = scope["model"].evaluate(images, labels, verbose=0)
    assert accuracy > 0.5  # chance is 0.1


def test_the_model_of_a_run_is_used_in_a_few_lines(pretrained_run, monkeypatch, capsys):
    monkeypatch.chdir(pretrained_run.parent)
    scope = {}
    exec(code_with("load_pretrained"), scope)
    assert scope["vectors"].shape == (2, 8)
    assert "'cat'" in capsys.readouterr().out


def test_every_command_named_exists():
    named = set(re.findall(r"mnemosyne ([a-z][a-z-]+)", TEXT))
    assert named <= set(cli.COMMANDS)


def test_every_recipe_named_exists():
    named = re.findall(r"\b(bert_[a-z]+_[a-z]+)\b", TEXT)
    assert named and set(named) <= set(loader.recipe_names())


def test_every_file_named_exists():
    named = re.findall(
        r"\b((?:data_prep|pipeline|models|mnemosyne_tf|docs)/[\w/]+\.(?:py|md))", TEXT
    )
    assert named and all((ROOT / path).is_file() for path in named)


def test_nothing_is_left_to_be_filled_in():
    assert "@@" not in TEXT
