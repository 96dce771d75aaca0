import numpy as np
import pytest

from pipeline.lab.meta_training.settings import TaskSettings
from pipeline.lab.meta_training.tasks.classifiers import classifier_task
from pipeline.lab.races.tasks.images import load_digits


@pytest.fixture(scope="module")
def digits():
    return load_digits()[0]


@pytest.mark.parametrize("kind", ["mlp", "vit"])
def test_untrained_model_knows_nothing(kind, digits):
    settings = TaskSettings(kind=kind, width=16, num_layers=2)
    task = classifier_task("digits", settings, *digits)
    weights = task.initial_weights(np.random.default_rng(0))
    assert task.plateau == pytest.approx(np.log(10), abs=0.05)
    assert float(task.loss(weights, task.heldout_batch())) == pytest.approx(np.log(10), abs=0.6)


def test_a_fifth_of_the_images_is_held_out_but_no_more_than_256(digits):
    settings = TaskSettings(kind="mlp")
    images, labels = digits
    few = classifier_task("few", settings, images[:200], labels[:200])
    assert (len(few.train[0]), len(few.heldout[0])) == (160, 40)
    task = classifier_task("all", settings, images, labels)
    assert (len(task.train[1]), len(task.heldout[1])) == (len(images) - 256, 256)


def test_held_out_images_are_from_the_whole_range():
    numbered = np.arange(1000, dtype=np.float32).reshape(1000, 1, 1, 1)
    task = classifier_task("n", TaskSettings(kind="mlp"), numbered, np.arange(1000) % 10)
    indices = task.heldout[0].ravel()
    assert len(np.unique(indices // 100)) == 10
    np.testing.assert_array_equal(task.heldout[1], indices % 10)
    assert not set(indices) & set(task.train[0].ravel())


def test_a_patch_holds_neighbours(digits):
    image = np.arange(64, dtype=np.float32).reshape(1, 8, 8, 1)
    images = np.repeat(image, 40, axis=0)
    task = classifier_task("digits", TaskSettings(kind="vit"), images, np.arange(40) % 10)
    patches = task.train[0][0]
    assert patches.shape == (16, 4)
    assert patches[0].tolist() == [0, 1, 8, 9] and patches[5].tolist() == [18, 19, 26, 27]


def test_mlp_has_the_layers_asked_for(digits):
    task = classifier_task("d", TaskSettings(kind="mlp", width=16, num_layers=3), *digits)
    weights = task.initial_weights(np.random.default_rng(0))
    shapes = [weights[f"dense_{i}/kernel"].shape for i in range(4)]
    assert shapes == [(64, 16), (16, 16), (16, 16), (16, 10)]
    # 64 x 16 draws: a deviation is known to 1 / sqrt(2 n), 2.2 %; four of them.
    assert np.std(weights["dense_0/kernel"]) == pytest.approx(1 / 8, rel=4 / np.sqrt(2 * 64 * 16))
