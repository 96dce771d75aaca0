"""The prompts of one cell: each made as `mnemosyne prompt` makes it, or read from finished runs."""

from __future__ import annotations

import dataclasses
import math
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from models.fused.graph_release import graphs_released_at_end
from pipeline.glue.classifier_training import optimizer_config
from pipeline.glue.files.examples import Examples, TaskData
from pipeline.glue.task import GlueTask
from pipeline.glue.task_run import run_task
from pipeline.lab.races.run import Run, fingerprint_of_optimizer
from pipeline.lab.races.runs_file import Curve, FinishedRun, RunKey, RunsFile
from pipeline.optimizers.from_recipe import make_optimizer
from pipeline.prompts.settings import PromptSettings

_DRAWN_WITH = 0
_DIGITS = 12  # of the SHA-256 of the data


@dataclasses.dataclass(frozen=True)
class FrozenModel:
    """A model that stays as it is.

    Attributes:
      checkpoint: its folder, as it was given.
      start: what was read of it, see `pipeline.prompts.story.load_frozen`.
      settings: of `mnemosyne prompt`, with the length of its texts.
      build: of `run_task`.
    """

    checkpoint: str
    start: Any
    settings: PromptSettings
    build: Callable


@dataclasses.dataclass(frozen=True)
class Cell:
    """What the optimizers are compared on: a frozen model, a task and a length of the prompt.

    Attributes:
      model: the frozen one.
      task: which.
      data: of the task, with the dev set that is scored.
      prompt_length: vectors.
    """

    model: FrozenModel
    task: GlueTask
    data: TaskData
    prompt_length: int

    @property
    def name(self) -> str:
        """In words, for titles and the progress bar."""
        return f"{self.task.name}, {self.prompt_length} vectors, {self.model.checkpoint}"

    @property
    def num_train_steps(self) -> int:
        """Steps of a run."""
        most = self.model.settings.max_train_examples or len(self.data.train)
        return self._settings().num_train_steps(min(most, len(self.data.train)))

    def settings_of(self, run: Run) -> PromptSettings:
        """Returns the settings of `mnemosyne prompt` for a run."""
        return dataclasses.replace(
            self._settings(),
            optimizer=run.contestant.optimizer,
            learning_rate=run.learning_rate,
            seed=run.seed,
        )

    def _settings(self) -> PromptSettings:
        settings = self.model.settings.of_task(self.task)
        return dataclasses.replace(settings, prompt_length=self.prompt_length)


def with_drawn_dev(data: TaskData, most: int) -> TaskData:
    """Returns the data with at most so many examples of each dev set; 0 keeps all.

    They are drawn once for all runs, in a fixed order.
    """

    def drawn(examples: Examples | None) -> Examples | None:
        if examples is None or not 0 < most < len(examples):
            return examples
        return examples.take(np.random.RandomState(_DRAWN_WITH).permutation(len(examples))[:most])

    return dataclasses.replace(data, dev=drawn(data.dev), second_dev=drawn(data.second_dev))


class PromptRuns:
    """The runs of a cell.

    A run is one point of a curve, after the last step: steps, seconds and CPU seconds of the whole
    run, the loss on dev, and as its accuracy the score of the task. CPU seconds hold the making of
    graphs and the scoring, too, as the user of `mnemosyne prompt` waits for them.

    Args:
      cell: what is trained.
      file: of finished runs.
    """

    def __init__(self, cell: Cell, file: RunsFile):
        self._cell, self._file = cell, file

    def curve(self, run: Run, on_evaluation: Callable[[Curve], None] = lambda curve: None) -> Curve:
        """Returns the figures of a run, from the file or by making it; NaN where it diverged.

        Args:
          run: the optimizer, its rate and the seed.
          on_evaluation: called with the curve of a run that is made.
        """
        key, cell = self.key(run), self._cell
        model = pathlib.Path(cell.model.checkpoint).name  # the file may go to another machine
        if (finished := self._file.find(key)) is not None:
            return finished.curve
        curve = self._made(run).rounded()
        on_evaluation(curve)
        self._file.add(
            FinishedRun(
                key=key,
                optimizer=run.contestant.name,
                learning_rate=run.learning_rate,
                about=f"{cell.task.name}, {cell.prompt_length} vectors, {model}, "
                f"{sum(map(len, cell.data.dev_sets))} examples of dev",
                batch_size=cell.model.settings.batch_size,
                plateau=None,
                date=time.strftime("%Y-%m-%d", time.gmtime()),
                curve=curve,
            )
        )
        return curve

    def key(self, run: Run) -> RunKey:
        """Returns what identifies a run: equal settings, data and frozen weights share it."""
        cell, settings = self._cell, self._cell.settings_of(run)
        optimizer = make_optimizer(
            optimizer_config(settings), cell.num_train_steps, settings.batch_size
        )
        num_dev = [len(each) for each in cell.data.dev_sets]
        # The seed stands in the key by itself.
        shape = [cell.model.start.weights_hash, num_dev, settings.fixed() | {"seed": None}]
        return RunKey(
            f"prompt_{cell.task.name}",
            fingerprint_of_optimizer(optimizer, shape),
            cell.data.sha256[:_DIGITS],
            run.seed,
        )

    def _made(self, run: Run) -> Curve:
        cell = self._cell
        began, cpu_began = time.monotonic(), time.process_time()
        loss = score = math.nan
        with graphs_released_at_end():
            try:
                done = run_task(
                    cell.task,
                    cell.data,
                    start=cell.model.start,
                    settings=cell.settings_of(run),
                    build=cell.model.build,
                )
                loss, score = done.dev_loss, done.row["score"]
            except FloatingPointError as error:
                print(f"\n{run.contestant.name}: {error}", file=sys.stderr)
        seconds, cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
        return Curve([cell.num_train_steps], [seconds], [cpu_seconds], [loss], [score])
