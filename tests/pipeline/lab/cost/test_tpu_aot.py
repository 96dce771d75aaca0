import importlib.util
import json
import sys

import pytest

from pipeline.commands import bench
from pipeline.lab.cost import shapes


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ValueError, match=r"jax is not installed.*mnemosyne-bert\[tpu\]"):
        bench.main(["cost", "--tpu=v5e"])


@pytest.mark.slow
def test_a_step_is_compiled_for_a_tpu(monkeypatch, tmp_path):
    for package in ("jax", "libtpu"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra tpu)")
    monkeypatch.setattr(shapes, "VOCAB_SIZE", 64)
    assert bench.main(["cost", "--tpu=v5e", "--output", str(tmp_path / "aot.json")]) == 0
    figures = json.loads((tmp_path / "aot.json").read_text())["sizes"]["tiny"]["trained heads"]
    # Forward and backward of 2,048 tokens through 400,000 weights of two layers, at the least.
    assert figures["flops"] > 6 * 2_048 * 400_000
    assert figures["argument_bytes"] > 3 * 4 * 400_000
