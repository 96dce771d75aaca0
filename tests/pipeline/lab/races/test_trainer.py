import dataclasses

import numpy as np
import pytest
from numeric_bounds import rounding

from pipeline.lab.races.contestants import CONTESTANTS
from pipeline.lab.races.tasks import images
from pipeline.lab.races.tasks.task import Task
from pipeline.lab.races.trainer import Trainer

TASK = Task("digits_mlp", images.load_digits, images.build_mlp, 64, 10, 4)
SGD = CONTESTANTS["sgd"]


@pytest.fixture(scope="module")
def data():
    return images.load_digits()


def train(trainer, rate=0.32, seed=0):
    return trainer.train(rate, seed, lambda curve: None)


@pytest.fixture(scope="module")
def trainer(data):
    return Trainer(TASK, data, SGD)


@pytest.fixture(scope="module")
def curve(trainer):
    return train(trainer)


def test_a_run_learns_and_is_evaluated_as_often_as_the_task_says(curve):
    assert curve.steps == [10, 20, 30, 40]
    assert curve.losses[-1] < 0.7 * curve.losses[0]
    assert curve.accuracies[-1] > 0.6
    assert curve.seconds == sorted(curve.seconds)
    assert curve.cpu_seconds == sorted(curve.cpu_seconds)


def test_runs_of_one_trainer_leave_no_trace_on_each_other(trainer, curve, data):
    assert train(trainer, seed=1).losses != curve.losses
    assert train(trainer, rate=0.02).losses != curve.losses
    assert train(trainer).losses == curve.losses
    assert train(Trainer(TASK, data, SGD)).losses == curve.losses


@pytest.mark.parametrize("optimizer", ["mnemosyne()", "schedule_free_adamw"])
def test_state_and_rate_are_put_back(data, optimizer):
    """Not only accumulators: step counts, too, and which point the weights hold."""
    short = dataclasses.replace(TASK, eval_every_steps=4, num_evaluations=2)
    trainer = Trainer(short, data, CONTESTANTS[optimizer])
    first = train(trainer, rate=0.01)
    train(trainer, rate=0.5, seed=3)
    assert train(trainer, rate=0.01).losses == first.losses
    assert train(trainer, rate=0.02).losses != first.losses


def test_a_step_that_is_one_program_takes_the_same_course(curve, data):
    compiled = Trainer(dataclasses.replace(TASK, jit_compile=True), data, SGD)
    # 40 steps, each with sums over 64 pixels, 64 images and a layer there and back; a rate that
    # converges amplifies no step.
    rtol = 40 * rounding(4 * 64)
    np.testing.assert_allclose(train(compiled).losses, curve.losses, rtol=rtol)


def test_an_optimizer_that_averages_is_evaluated_at_its_average_and_continues_where_it_was(data):
    """With one evaluation or four, training must take the same course."""
    often = train(Trainer(TASK, data, CONTESTANTS["schedule_free_adamw"]), rate=0.008)
    task = dataclasses.replace(TASK, eval_every_steps=40, num_evaluations=1)
    once = train(Trainer(task, data, CONTESTANTS["schedule_free_adamw"]), rate=0.008)
    # Four times there and back, with four roundings each; 40 steps that divide a gradient by its
    # own size may magnify them a thousandfold.
    rel = 1_000 * 4 * rounding(4)
    assert often.losses[-1] == pytest.approx(once.losses[-1], rel=rel)
