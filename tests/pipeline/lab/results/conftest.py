import pytest

from pipeline.lab.races.contestants import CONTESTANTS
from pipeline.lab.races.run import fingerprint_of_settings
from pipeline.lab.races.runs_file import Curve, FinishedRun, RunKey
from pipeline.lab.results.outcomes import known_tasks


@pytest.fixture
def finished():
    """Returns `finished(task, contestant, rate, seed, loss)`: a run that ends at that loss."""

    def make(task, contestant, rate, seed, loss, settings=None):
        of_task = known_tasks()[task]
        settings = settings or fingerprint_of_settings(CONTESTANTS[contestant], rate, of_task)
        half = of_task.num_train_steps // 2
        curve = Curve([half, 2 * half], [1.0, 2.0], [1.0, 2.0], [loss + 0.5, loss], [0.1, 0.2])
        key = RunKey(task, settings, "91ab", seed)
        return FinishedRun(key, contestant, rate, "a text", 64, 6.3, "2026-11-28", curve)

    return make


@pytest.fixture
def runs(finished):
    """AdamW at three rates, Mnemosyne and one ablation on the first BERT, two seeds each."""
    losses = {
        ("adamw", 2e-3): (5.9, 5.9),
        ("adamw", 4e-3): (5.7, 5.8),
        ("adamw", 8e-3): (5.8, 5.9),
        ("mnemosyne", 1.0): (5.2, 5.3),
        ("without_decay_delay", 1.0): (5.3, 5.5),
    }
    return [
        finished("bert_l2_h64", name, rate, seed, loss)
        for (name, rate), of_seeds in losses.items()
        for seed, loss in enumerate(of_seeds)
    ]
