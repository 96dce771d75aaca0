"""Shared by the tests of the model: its reference in NumPy."""

import importlib.util
import pathlib

import pytest


@pytest.fixture(scope="session")
def bert_numpy():
    """The module next to this file, which no package holds."""
    path = pathlib.Path(__file__).with_name("bert_numpy.py")
    spec = importlib.util.spec_from_file_location("bert_numpy", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
