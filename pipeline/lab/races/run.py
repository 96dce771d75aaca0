"""One run of a race, kept: its curve is written to a file named after all that shaped it.

So a race goes on where it was stopped, and nothing is run twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.lab.races.contestants import make_optimizer
from pipeline.lab.races.tasks import Arrays, Task

if TYPE_CHECKING:
    from pipeline.lab.races.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class Curve:
    """What came of a run; lists of one length, in the order of the steps.

    Attributes:
        steps: taken when the held-out part was judged.
        seconds: of training up to there, without compilation and evaluation.
        cpu_seconds: the same in CPU time of the process, which other programs do not lengthen.
        losses, accuracies: on the held-out part; losses in nats.
    """

    steps: list[int] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)
    cpu_seconds: list[float] = dataclasses.field(default_factory=list)
    losses: list[float] = dataclasses.field(default_factory=list)
    accuracies: list[float] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Run:
    """What shapes a run on a task.

    Attributes:
        optimizer: a key of `race_optimizers.RATES`.
        learning_rate: its peak; of ours a multiple of the built-in rates.
        seed: of initial weights and the order of the data.
    """

    optimizer: str
    learning_rate: float
    seed: int


class Runs:
    """The runs on one task.

    Args:
        task: what is learned.
        data: of the task, train and held-out.
        folder: of finished runs.
    """

    def __init__(self, task: Task, data: tuple[Arrays, Arrays], folder: str):
        self._task, self._data, self._folder = task, data, folder
        self._digest = digest(data)
        self._trainers: dict[str, Trainer] = {}

    def curve(self, run: Run, on_evaluation: Callable[[Curve], None] = lambda curve: None) -> Curve:
        """Returns the curve of a run, from its file or by running it.

        Optimizers of equal settings share a file, whatever they are called.

        Args:
            run: what shapes it.
            on_evaluation: called with the curve so far, after each look at the held-out part.
        """
        path = self.path(run)
        if os.path.exists(path):
            with open(path) as stream:
                return Curve(**json.load(stream)["curve"])
        trainer = self._trainer(run.optimizer)
        curve = trainer.train(run.learning_rate, run.seed, on_evaluation)
        content = {"task": self._task.name, "run": vars(run), "curve": vars(curve)}
        with open(f"{path}.tmp", "w") as stream:
            json.dump(content, stream)
        os.replace(f"{path}.tmp", path)
        return curve

    def path(self, run: Run) -> str:
        """Returns the file of a run, named after task, optimizer with all settings, seed, data."""
        task = self._task
        optimizer = make_optimizer(
            run.optimizer, run.learning_rate, task.num_train_steps, task.labels_per_step
        )
        kind = type(optimizer).__name__
        config = optimizer.get_config()
        if "meta_params" in config:  # a name, as of what ships, may come to mean other numbers
            config["meta_params"] = _fingerprint(optimizer.meta_params, config)
        shape = [task.batch_size, task.eval_every_steps, task.num_evaluations, task.jit_compile]
        key = [kind, config, run.seed, *shape, self._digest]
        text = json.dumps(key, sort_keys=True, default=_as_json)
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        return os.path.join(self._folder, f"{task.name}-{kind}-{name}.json")

    def _trainer(self, optimizer: str) -> Trainer:
        """Returns the one that is compiled; of the optimizer before nothing is kept."""
        if optimizer not in self._trainers:
            from pipeline.lab.races.trainer import Trainer

            self._trainers = {optimizer: Trainer(self._task, self._data, optimizer)}
        return self._trainers[optimizer]


def digest(data: tuple[Arrays, Arrays]) -> str:
    """Returns a hash of all inputs and labels."""
    content = hashlib.sha256()
    for inputs, labels in data:
        named = inputs if isinstance(inputs, dict) else {"": inputs}
        for array in [*named.values(), labels]:
            content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()


def _fingerprint(params: Any, config: dict[str, Any]) -> str:
    """What tells meta-parameters apart on this run, whose labels and steps are in `config`.

    What follows the run counts as what it is there: sets that differ in that alone share the
    runs for which the rates were found.
    """
    from mnemosyne_tf import MetaParams
    from mnemosyne_tf.step_size import rule_of_run

    if isinstance(params, MetaParams):
        told = {
            "labels_per_step": config.pop("labels_per_step"),
            "total_steps": config["total_steps"],
        }
        params = MetaParams(params.structure, rule_of_run(params.values, **told))
    return params.fingerprint()


def _as_json(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else repr(value)
