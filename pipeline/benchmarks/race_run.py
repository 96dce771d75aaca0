"""One run of a race: a model of a task trained by one optimizer from one seed.

A run is `model.compile` and `model.fit`, as a user has them. Its curve is written to a file named
after all that shaped it, so that a race goes on where it was stopped and nothing is run twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import time
from typing import Any

import numpy as np

from pipeline.benchmarks.race_tasks import Arrays, Task

MNEMOSYNE, SIX_LINES = "mnemosyne", "mnemosyne()"
# Geometric, from below to above what was published for each; a best rate at an end is reported.
RATES = {
    "adamw": (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),
    "nadamw": (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2),
    "lamb": (2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2),
    "lion": (6e-5, 1.2e-4, 2.5e-4, 5e-4, 1e-3, 2e-3),
    "muon": (5e-3, 1e-2, 2e-2, 4e-2, 8e-2, 1.6e-1),
    "schedule_free_adamw": (1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2),
    "adafactor": (4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2, 1.3e-1),
    "sgd": (2e-2, 4e-2, 8e-2, 1.6e-1, 3.2e-1, 6.4e-1),
    MNEMOSYNE: (1.0,),  # told the number of steps, as the trainer tells it
    SIX_LINES: (1.0,),  # told nothing: the six lines of the README
}


@dataclasses.dataclass(frozen=True)
class Run:
    """What shapes a run.

    Attributes:
        task: the name of the task.
        optimizer: a key of `RATES`.
        learning_rate: its peak; of Mnemosyne always 1.
        seed: of initial weights and the order of images.
    """

    task: str
    optimizer: str
    learning_rate: float
    seed: int


@dataclasses.dataclass(frozen=True)
class Curve:
    """What came of a run; lists of one length, in the order of the steps.

    Attributes:
        steps: taken when the held-out images were judged.
        seconds: of training up to there, compilation included, evaluation not.
        losses, accuracies: on the held-out images.
    """

    steps: list[int]
    seconds: list[float]
    losses: list[float]
    accuracies: list[float]


def cached_run(
    run: Run, task: Task, data: tuple[Arrays, Arrays], *, data_digest: str, folder: str
) -> Curve:
    """Returns the curve of a run, from its file in `folder` or by running it.

    Args:
        run, task: what shapes it.
        data: of the task.
        data_digest: its `digest`, which takes long enough to be taken once a race.
        folder: of finished runs.
    """
    shape = [task.batch_size, task.eval_every_steps, task.num_evaluations]
    key = json.dumps([dataclasses.asdict(run), *shape, data_digest], sort_keys=True)
    name = hashlib.sha256(key.encode()).hexdigest()[:12]
    path = os.path.join(folder, f"{run.task}-{run.optimizer}-{name}.json")
    if os.path.exists(path):
        with open(path) as stream:
            return Curve(**json.load(stream)["curve"])
    curve = train(run, task, data)
    with open(f"{path}.tmp", "w") as stream:
        json.dump({"run": dataclasses.asdict(run), "curve": dataclasses.asdict(curve)}, stream)
    os.replace(f"{path}.tmp", path)
    return curve


def train(run: Run, task: Task, data: tuple[Arrays, Arrays]) -> Curve:
    """Trains a new model and judges it on the held-out images now and then."""
    import tensorflow as tf
    import tf_keras as keras

    (images, labels), heldout = data
    keras.utils.set_random_seed(run.seed)
    batches = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(labels), seed=run.seed)
        .repeat()
        .batch(task.batch_size, drop_remainder=True)
    )
    model = task.build()
    model.compile(
        optimizer=make_optimizer(run, task.num_train_steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    curve = Curve([], [], [], [])
    model.fit(
        batches,
        epochs=task.num_evaluations,
        steps_per_epoch=task.eval_every_steps,
        callbacks=[_judging(curve, heldout)],
        verbose=0,
    )
    return curve


def _judging(curve: Curve, heldout: Arrays) -> Any:
    """Returns a Keras callback that adds to the curve at the end of what Keras calls an epoch."""
    import tf_keras as keras

    from pipeline.evaluation_weights import evaluation_weights

    class Judging(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self._started, self._judging_seconds = time.monotonic(), 0.0

        def on_epoch_end(self, epoch, logs=None):
            trained = time.monotonic()
            with evaluation_weights(self.model.optimizer, self.model.trainable_variables):
                loss, accuracy = self.model.evaluate(*heldout, batch_size=1_000, verbose=0)
            curve.steps.append(int(self.model.optimizer.iterations))
            curve.seconds.append(trained - self._started - self._judging_seconds)
            curve.losses.append(loss)
            curve.accuracies.append(accuracy)
            self._judging_seconds += time.monotonic() - trained

    return Judging()


def make_optimizer(run: Run, num_train_steps: int) -> Any:
    """The optimizer of a run: rivals with warm-up and linear decay, as in the trainer."""
    from mnemosyne_tf import Mnemosyne
    from pipeline import optimizers
    from pipeline.config import OptimizerConfig

    if run.optimizer == SIX_LINES:
        return Mnemosyne()
    config = OptimizerConfig(name=run.optimizer, learning_rate=run.learning_rate)
    return optimizers.make_optimizer(config, num_train_steps)


def digest(data: tuple[Arrays, Arrays]) -> str:
    """Returns a hash of all images and labels."""
    content = hashlib.sha256()
    for arrays in data:
        for array in arrays:
            content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()
