"""One run of a comparison: read from the file of finished runs, or made and added to it.

So a comparison continues where it was stopped, and nothing is run twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mnemosyne_tf import MetaParams
from mnemosyne_tf.guarded_optimizer import GuardedOptimizer
from mnemosyne_tf.nominal_rule import LINEAR_DECAY, NEUTRAL_ROLES
from mnemosyne_tf.step_size import rule_of_run
from pipeline.lab.races.contestants import Contestant
from pipeline.lab.races.runs_file import Curve, FinishedRun, RunKey, RunsFile
from pipeline.lab.races.tasks.task import Arrays, Task
from pipeline.lab.races.trainer import Trainer

_DIGITS = 12  # of a SHA-256: the runs of a file are thousands at most
_ADDED_ENTRIES = {**LINEAR_DECAY, **NEUTRAL_ROLES}
# Where Keras keeps a class, which may move without changing what it does.
_PLACES = ("module", "registered_name")


@dataclasses.dataclass(frozen=True)
class Run:
    """What shapes a run on a task.

    Attributes:
        contestant: the optimizer.
        learning_rate: its peak; of Mnemosyne a multiple of the built-in rates.
        seed: of initial weights and the order of the data.
    """

    contestant: Contestant
    learning_rate: float
    seed: int


class Runs:
    """The runs on one task.

    Args:
        task: what is learned.
        data: of the task, train and held-out.
        file: of finished runs.
        plateau: of the task, nats, or None.
    """

    def __init__(
        self, task: Task, data: tuple[Arrays, Arrays], file: RunsFile, plateau: float | None = None
    ):
        self._task, self._data, self._file, self._plateau = task, data, file, plateau
        self._data_fingerprint = (
            _digest(task.data_name()) if task.data_name else fingerprint_of_data(data)
        )
        self._trainers: dict[str, Trainer] = {}

    def curve(self, run: Run, on_evaluation: Callable[[Curve], None] = lambda curve: None) -> Curve:
        """Returns the course of a run, from the file or by running it.

        Args:
            run: what shapes it.
            on_evaluation: called with the curve so far, after each evaluation.
        """
        if (finished := self._file.find(self.key(run))) is not None:
            return finished.curve
        trainer = self._trainer(run.contestant)
        curve = trainer.train(run.learning_rate, run.seed, on_evaluation).rounded()
        self._file.add(
            FinishedRun(
                key=self.key(run),
                optimizer=run.contestant.name,
                learning_rate=run.learning_rate,
                about=self._task.about,
                batch_size=self._task.batch_size,
                plateau=self._plateau,
                date=time.strftime("%Y-%m-%d", time.gmtime()),
                curve=curve,
            )
        )
        return curve

    def key(self, run: Run) -> RunKey:
        """Returns what identifies a run; contestants of equal settings share it."""
        settings = fingerprint_of_settings(run.contestant, run.learning_rate, self._task)
        return RunKey(self._task.name, settings, self._data_fingerprint, run.seed)

    def _trainer(self, contestant: Contestant) -> Trainer:
        """Returns the one that is compiled; of the contestant before nothing is kept."""
        if contestant.name not in self._trainers:
            self._trainers = {contestant.name: Trainer(self._task, self._data, contestant)}
        return self._trainers[contestant.name]


def fingerprint_of_settings(contestant: Contestant, learning_rate: float, task: Task) -> str:
    """Returns a hash of the optimizer, its settings, and the task's batches, steps and weights."""
    optimizer = contestant.make(learning_rate, task.num_train_steps, task.labels_per_step)
    shape = [task.batch_size, task.eval_every_steps, task.num_evaluations, task.jit_compile]
    if task.starting_weights:  # tasks without any keep the keys of their finished runs
        shape.append(task.starting_weights)
    return fingerprint_of_optimizer(optimizer, shape)


def fingerprint_of_optimizer(optimizer: Any, shape: Sequence[Any]) -> str:
    """Returns a hash of an optimizer with its settings, and of JSON values that shape its run."""
    config = optimizer.get_config()
    if "meta_params" in config:  # a name, as of the released set, may come to mean other numbers
        config["meta_params"] = _fingerprint_of_meta_params(optimizer.meta_params, config)
    if not isinstance(optimizer, GuardedOptimizer):
        # Of Keras's own the machine decides; False as in the keys of the first runs, on CPUs.
        config["jit_compile"] = False
    content = [type(optimizer).__name__, _set(config), shape]
    return _digest(json.dumps(content, sort_keys=True))


def fingerprint_of_data(data: tuple[Arrays, Arrays]) -> str:
    """Returns a hash of all inputs and labels."""
    content = hashlib.sha256()
    for inputs, labels in data:
        named = inputs if isinstance(inputs, dict) else {"": inputs}
        for array in [*named.values(), labels]:
            content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:_DIGITS]


def _fingerprint_of_meta_params(params: Any, config: dict[str, Any]) -> str:
    """Fingerprint of the meta-parameters as they are on the run whose labels and steps are set.

    Sets that differ only in how rates follow the run share the runs for which the rates were found.
    Values count to five digits: powers of float32 differ in the last bit from processor to
    processor.
    """
    if not isinstance(params, MetaParams):
        return params.fingerprint()
    run = {"labels_per_step": config.pop("labels_per_step"), "total_steps": config["total_steps"]}
    values = {
        name: [f"{value:.5g}" for value in np.ravel(each)]
        for name, each in rule_of_run(params.values, **run).items()
        # Runs from before there were rates by role, or another decay, keep their keys.
        if name not in _ADDED_ENTRIES or each != _ADDED_ENTRIES[name]
    }
    structure = dataclasses.asdict(params.structure)
    if params.structure.level == "chunk":  # as all were before there was another level
        del structure["level"]
    return _digest(json.dumps([structure, values], sort_keys=True))


def _set(config: Any) -> Any:
    """Returns a configuration for JSON, less what is None or empty and where classes are kept.

    So neither a new setting that is off by default nor a module that moved renames a run.
    """
    if isinstance(config, Mapping):
        found = {str(key): _set(each) for key, each in config.items() if key not in _PLACES}
        return {key: value for key, value in found.items() if value not in (None, {}, [], "")}
    if isinstance(config, (list, tuple)):
        return [_set(value) for value in config]
    if hasattr(config, "tolist"):
        return config.tolist()
    return config if isinstance(config, (str, int, float, bool, type(None))) else repr(config)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
