"""How far one training step moves each variable, and by what learned factor, for TensorBoard.

Weights are copied before a step and compared after it, outside the compiled programs, so it serves
every optimizer and changes none. It costs that copy, in the steps that are logged. The learned
factors are Mnemosyne's, which keeps them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from pipeline.run.tensorboard import ScalarWriter


class StepSizes:
    """Writes scalars for each variable, `step_rms/NAME`, `relative_step/NAME`, `multiplier/NAME`.

    The first is the root mean square (RMS) of the step, the second that over the RMS of the weights
    before (left out where they are all zero), the third what a learned optimizer multiplied its
    nominal step by (left out for other optimizers).

    Args:
      variables: the model's trainable variables, of equal values on all replicas.
      directory: where TensorBoard looks; made if it is not there.
      every_steps: watches the steps whose number is a multiple of this.
      multipliers: gives those of the last step, in the order of the variables, such as
        `Mnemosyne.step_multipliers`; None where the optimizer learned none.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        directory: str | os.PathLike,
        every_steps: int,
        multipliers: Callable[[], Sequence[float]] | None = None,
    ):
        self._variables = list(variables)
        self._every_steps = every_steps
        self._multipliers = multipliers
        self._writer = ScalarWriter(directory)

    def watches(self, step: int) -> bool:
        """Says whether the step of this number is measured."""
        return step % self._every_steps == 0

    @contextlib.contextmanager
    def watch(self, step: int) -> Iterator[None]:
        """Writes what became of the variables while it lasted, under the number of the step."""
        before = [variable.numpy() for variable in self._variables]
        yield
        names = [variable.name.split(":")[0] for variable in self._variables]
        scalars = {}
        for name, variable, old in zip(names, self._variables, before, strict=True):
            old = old.astype(np.float64)
            moved = _rms(variable.numpy() - old)
            scalars[f"step_rms/{name}"] = moved
            if scale := _rms(old):
                scalars[f"relative_step/{name}"] = moved / scale
        if self._multipliers is not None:
            for name, multiplier in zip(names, self._multipliers(), strict=True):
                scalars[f"multiplier/{name}"] = multiplier
        self._writer.write(scalars, step)


def _rms(array: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(array))))
