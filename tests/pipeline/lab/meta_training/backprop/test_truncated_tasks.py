import numpy as np
import pytest

from pipeline.lab.meta_training.backprop import truncated_tasks
from pipeline.lab.meta_training.backprop.curriculum import Stage
from pipeline.lab.meta_training.backprop.fully_learned import fully_learned
from pipeline.lab.meta_training.backprop.settings import LearnedRecipe
from pipeline.lab.meta_training.backprop.unroll import Unroll
from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.races.tasks.images import load_digits

SETTINGS = TaskSettings(kind="mlp", num_steps=8, width=4, batch_size=4)
RECIPE = LearnedRecipe(runs_at_once=2, unroll_length=2, run_lengths="40", tasks={"a": SETTINGS})


class FakeUnroll(Unroll):
    """An unroll that moves nothing but the clock; of run 1 the last loss is `last_loss`."""

    last_loss = 0.5

    def __call__(self, values, runs):
        losses = np.float32([[0.5, 0.5], [0.5, FakeUnroll.last_loss]])
        gradients = {name: np.stack([value, value]) for name, value in values.items()}
        return losses, gradients, runs._replace(iteration=runs.iteration + 2)


@pytest.fixture
def tasks(monkeypatch):
    monkeypatch.setattr(truncated_tasks, "Unroll", FakeUnroll)
    task = classifier_task("a", SETTINGS, *load_digits()[0])
    return truncated_tasks.TruncatedTasks([task], fully_learned("lstm"), RECIPE)


@pytest.mark.parametrize(
    ("is_imitation", "last_loss", "ages", "meta_loss"),
    [
        (False, 0.5, [4, 4], 0.5),
        (False, 3.0, [4, 0], (1.5 + 3.0) / 4),
        (False, np.nan, [4, 0], (1.5 + 3.0) / 4),
        (True, 9.0, [4, 4], (1.5 + 9.0) / 4),
    ],
)
def test_a_run_that_exploded_at_the_end_of_an_unroll_is_reset_at_once(
    tasks, monkeypatch, is_imitation, last_loss, ages, meta_loss
):
    stage = Stage(is_imitation=is_imitation, run_length=40, first=0, end=9)
    values = {"output/bias": np.float32(0.25)}
    monkeypatch.setattr(FakeUnroll, "last_loss", 0.5)
    tasks.meta_gradients(stage, 0, values)
    monkeypatch.setattr(FakeUnroll, "last_loss", last_loss)
    losses, gradients, num_exploded = tasks.meta_gradients(stage, 1, values)
    assert [part.tolist() for part in tasks.state().values()].count(ages) == 1
    assert num_exploded == ages.count(0)
    assert losses == {"a": pytest.approx(meta_loss)}
    assert gradients["output/bias"] == pytest.approx(0.25)
