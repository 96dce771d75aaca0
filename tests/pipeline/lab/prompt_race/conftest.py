"""A frozen encoder and two tasks of a few rows, and a comparison on them."""

import pytest
from glue_folders import make_model, make_task

from pipeline.commands import bench


@pytest.fixture(name="race")
def fixture_race(tmp_path):
    """Returns `race(*flags)`: exit code; one seed, batches of 4, prompts of 2 and 3 vectors."""
    model = make_model(tmp_path / "model")
    for name in ("SST-2", "STS-B"):
        make_task(tmp_path / "glue", name, train=8, dev=4)

    def race(*flags):
        words = ["prompt_race", "--checkpoints", model, "--glue_dir", tmp_path / "glue"]
        words += ["--tasks", "SST-2", "--prompt_lengths", 3, 2, "--batch_size", 4]
        words += ["--max_seq_length", 8, "--seeds", 1, "--runs", tmp_path / "runs.jsonl", *flags]
        return bench.main([str(word) for word in words])

    return race
