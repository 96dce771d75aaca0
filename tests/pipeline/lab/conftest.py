"""A program that trains nothing, and as many of them as a test needs."""

import os
import textwrap

import pytest

FAKE = """
import json, os, time

class Training:
    parameters = {parameters}

    def __init__(self, settings):
        self.settings = settings

    def run(self, num_steps):
        print("a library talks")
        end = time.process_time() + 0.01 * num_steps
        while time.process_time() < end:
            pass
        {run}
        return {loss}

def build(settings):
    {build}
    return Training(settings)
"""


@pytest.fixture
def fake_program(tmp_path):
    """Returns `make(name, ...)`: the path of a program with 100 weights and a loss of 6 nats."""

    def make(name="fake", parameters=100, loss=6.0, build="pass", run="pass"):
        path = tmp_path / f"{name}.py"
        path.write_text(
            textwrap.dedent(FAKE).format(parameters=parameters, loss=loss, build=build, run=run)
        )
        return str(path)

    return make


@pytest.fixture
def peer_flags():
    """Returns `make(*names)`: the flags of those libraries whose Python is in HF_TF_PYTHON, say."""

    def make(*names):
        pythons = {name: os.environ.get(f"{name.upper()}_PYTHON") for name in names}
        return [f"--{name}={python}" for name, python in pythons.items() if python]

    return make
