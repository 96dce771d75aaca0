"""What a loss that goes wrong does to a run: steps that are skipped, spikes that are undone.

Both are functions of the steps made and not of when a run was stopped: what they have seen is saved
with every checkpoint.
"""

from __future__ import annotations

import collections
import dataclasses
import sys
from collections.abc import Mapping

import numpy as np
import tf_keras as keras

from models import losses as losses_of_bert
from models.batch_losses import BatchLosses
from pipeline.recipes.train_section import TrainConfig

# A window that is a spike on so many sets of batches is no accident of the data.
_MOST_TRIES = 5


class LossGuard:
    """Both: `SkippedSteps` and `LossSpikes`, as a recipe wants them.

    Args:
      train: of the recipe.
      optimizer: that trains.
      losses: whose metric sums it is given.
    """

    def __init__(
        self,
        train: TrainConfig,
        optimizer: keras.optimizers.Optimizer,
        losses: BatchLosses = losses_of_bert,
    ):
        self._skipped = SkippedSteps(optimizer, train.max_skipped_steps)
        self._spikes = LossSpikes(train.rollback_on_spike, train.spike_window_steps, losses)

    def usable(self, sums: np.ndarray, *, done: int, stop: int) -> np.ndarray:
        """As `SkippedSteps.usable`."""
        return self._skipped.usable(sums, done=done, stop=stop)

    def spike(self, sums: np.ndarray, step: int) -> Spike | None:
        """As `LossSpikes.seen`."""
        return self._spikes.seen(sums, step)

    @property
    def go_slow(self) -> bool:
        """Whether to make the next steps one by one."""
        return self._skipped.go_slow

    def state(self) -> dict:
        """What a checkpoint must remember."""
        return {"skipped": self._skipped.state(), "spikes": self._spikes.state()}

    def set_state(self, state: Mapping) -> None:
        """Goes on from what `state` returned; from `{}`, at the beginning."""
        self._skipped.set_state(state.get("skipped", {}))
        self._spikes.set_state(state.get("spikes", {}))


def num_skipped(optimizer: keras.optimizers.Optimizer) -> int:
    """Returns how many steps of the run the optimizer skipped; 0 of one that skips none."""
    skipped = getattr(optimizer, "skipped_steps", None)
    return 0 if skipped is None else int(skipped.numpy())


def scale_can_fall(optimizer: keras.optimizers.Optimizer) -> bool:
    """Returns whether the optimizer has a loss scale above its floor, as of float16."""
    scale = getattr(optimizer, "loss_scale", None)
    return scale is not None and not scale.is_at_floor


class SkippedSteps:
    """Counts steps that the optimizer skipped, one after the other.

    A step that overflowed while the loss scale of float16 could still fall is counted and said, but
    is none of those in a row that end the run: the scale falls, and the next one may fit.

    Args:
      optimizer: counts all that it skipped, see `num_skipped`; it may have a `loss_scale`.
      most_in_a_row: so many of them end the run.

    Attributes:
      go_slow: whether to make the next steps one by one: of a loop only their number is known.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, most_in_a_row: int):
        self._optimizer = optimizer
        self._most = most_in_a_row
        self.set_state({})

    def usable(self, sums: np.ndarray, *, done: int, stop: int) -> np.ndarray:
        """Returns the metric sums, or zeros where a skipped step has made them not finite.

        Args:
          sums: `[num_sums]`, of the steps after `done` up to `stop`.
          done: steps made before.
          stop: steps made now.

        Raises:
          FloatingPointError: `most_in_a_row` steps were skipped, or the loss is not finite though
            the optimizer skipped nothing.
        """
        before, self._total = self._total, num_skipped(self._optimizer)
        finite = bool(np.isfinite(sums).all())
        if not finite and self._total == before:
            raise FloatingPointError(
                f"the loss is not finite in {_steps(stop, stop - done)}. The last checkpoint is "
                "whole; try a lower --set optimizer.learning_rate in a new --output."
            )
        self._count(stop, stop - done, self._total - before)
        return sums if finite else np.zeros_like(sums)

    def _count(self, step: int, num_steps: int, skipped: int) -> None:
        self.go_slow = skipped > 0
        could_fall, self._scale_could_fall = self._scale_could_fall, scale_can_fall(self._optimizer)
        all_skipped = skipped == num_steps and not could_fall
        self._in_a_row = self._in_a_row + skipped if all_skipped else 0
        if not skipped:
            return
        part = "" if skipped == num_steps else f"{skipped} of "
        lower = "; the loss scale is lower now" if could_fall else ""
        print(
            f"\npretrain: skipped {part}{_steps(step, num_steps)}: a gradient was not finite; "
            f"weights and optimizer state are as before{lower}",
            file=sys.stderr,
        )
        if self._in_a_row >= self._most:
            raise FloatingPointError(
                f"{_steps(step, self._in_a_row)} were skipped one after the other, because "
                f"gradients were not finite; train.max_skipped_steps is {self._most}. The last "
                "checkpoint is whole; try a lower --set optimizer.learning_rate in a new --output."
            )

    def state(self) -> dict:
        """What a checkpoint must remember."""
        return {"in_a_row": self._in_a_row}

    def set_state(self, state: Mapping) -> None:
        """Goes on from what `state` returned; the optimizer is restored before."""
        self._total = num_skipped(self._optimizer)
        self._scale_could_fall = scale_can_fall(self._optimizer)
        self._in_a_row = state.get("in_a_row", 0)
        self.go_slow = self._in_a_row > 0


def refuse_if_not_finite(means: Mapping[str, float], step: int) -> None:
    """Raises FloatingPointError if a held-out mean of a step is not finite: no result is one."""
    if not np.isfinite(list(means.values())).all():
        raise FloatingPointError(
            f"the held-out loss is not finite at step {step}. Try a lower --set "
            "optimizer.learning_rate in a new --output."
        )


@dataclasses.dataclass(frozen=True)
class Spike:
    """A window of steps whose mean loss rose.

    Attributes:
      first_step: steps made before the window.
      last_step: of the window.
      loss: its mean loss, nats.
      loss_before: that of the window before.
    """

    first_step: int
    last_step: int
    loss: float
    loss_before: float

    def __str__(self) -> str:
        return (
            f"the mean loss of steps {self.first_step + 1:,} to {self.last_step:,} rose from "
            f"{self.loss_before:.3f} to {self.loss:.3f}"
        )


class LossSpikes:
    """Compares the mean training loss of each window of steps with that of the window before.

    Args:
      factor: a window is a spike if its loss is more than so many times that of the one before;
        0 looks for none.
      window_steps: windows end at its multiples.
      losses: whose metric sums it is given.
    """

    def __init__(self, factor: float, window_steps: int, losses: BatchLosses = losses_of_bert):
        self._factor, self._window_steps, self._losses = factor, window_steps, losses
        self._num_seen: collections.Counter = collections.Counter()
        self.set_state({})

    def seen(self, sums: np.ndarray, step: int) -> Spike | None:
        """Takes metric sums `[num_sums]` of steps up to `step`, the end of a window or before it.

        Raises:
          FloatingPointError: the same window was a spike every time that it was tried.
        """
        if not self._factor:
            return None
        self._sums += sums
        if step % self._window_steps:
            return None
        loss, before = self._losses.means(self._sums)["loss"], self._before
        self._sums[:] = 0.0
        if not loss:  # every step of the window was skipped
            return None
        self._before = loss
        if before is None or loss <= self._factor * before:
            return None
        spike = Spike(step - self._window_steps, step, loss, before)
        self._num_seen[step] += 1
        if self._num_seen[step] > _MOST_TRIES:
            raise FloatingPointError(
                f"{spike}, for the {self._num_seen[step]}th time, on other batches each time. The "
                "last checkpoint is whole; try a lower --set optimizer.learning_rate in a new "
                "--output."
            )
        return spike

    def state(self) -> dict:
        """What a checkpoint must remember."""
        return {"sums": self._sums.tolist(), "before": self._before}

    def set_state(self, state: Mapping) -> None:
        """Goes on from what `state` returned; from `{}`, at the beginning."""
        self._sums = np.zeros(len(self._losses.METRIC_SUMS))
        self._sums += state.get("sums", 0.0)
        self._before = state.get("before")


def _steps(last: int, number: int) -> str:
    return f"step {last}" if number == 1 else f"steps {last - number + 1} to {last}"
