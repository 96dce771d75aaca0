"""What docs/training_speed.md says can be typed."""

import pathlib
import re

from pipeline.commands.bench import train
from pipeline.lab.side_by_side import peers
from pipeline.lab.train_speed.contestants import PEERS

ROOT = pathlib.Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "training_speed.md").read_text(encoding="utf-8")


def test_every_flag_named_exists():
    known = {flag for action in train.build_parser()._actions for flag in action.option_strings}
    named = set(re.findall(r"(--[a-z_]+)", PAGE))
    assert named and named <= known


def test_every_library_is_named_with_the_command_that_installs_it():
    for name in PEERS:
        assert peers.NAMES[name] in PAGE
        assert f"peers/{name}/bin/pip install {peers.HOW_TO_GET[name]}" in PAGE
