"""What single training steps do to the weights, for TensorBoard and the report.

Weights are looked at before a step and after it, outside the compiled programs, so it serves every
optimizer and changes none. It costs that look, in the steps that are logged: of a large variable
every n-th weight is compared, a few thousand of them, so the cost does not grow with the model.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf.parameter_roles import find_role
from pipeline.run.watching.tensorboard import RunScalars

# Weights of one variable that are compared: all of a smaller one. The RMS of a sample of 16,384
# normal numbers is within 0.6 % of that of all (standard error 1 / sqrt(2 n)).
_SAMPLE = 16_384


class StepDiagnostics:
    """Writes scalars of the watched steps, each of the whole model or of one role of variables.

        gradient_norm         global L2 norm over all replicas, before clipping
        learning_rate         of the optimizer; Mnemosyne's is the multiplier of its own rates
        relative_step/ROLE    RMS of the step over RMS of the weights before, over all variables of
                              that role; left out where these are all zero
        step_size/ROLE        Mnemosyne's own rate at this step: rate, size of the model, run and
                              schedule; the mean over the variables
        multiplier/ROLE       what Mnemosyne multiplied that by, the geometric mean; both are left
                              out for other optimizers

    and with `by_variable` for each variable `step_rms/NAME`, the root mean square (RMS) of its
    step, `relative_step/NAME` and `multiplier/NAME`. Those of roles and of the whole model go to
    the log, too, as rows of the split "steps".

    Args:
      variables: the model's trainable variables, of equal values on all replicas.
      optimizer: built with them.
      scalars: where values go, of the split "train".
      every_steps: watches the steps whose number is a multiple of this.
      log: takes a row of the run's log.
      by_variable: whether single variables are written, too.
    """

    def __init__(
        self,
        variables: Sequence[tf.Variable],
        optimizer: keras.optimizers.Optimizer,
        scalars: RunScalars,
        every_steps: int,
        *,
        log: Callable[[Mapping], None],
        by_variable: bool = False,
    ):
        self._variables = list(variables)
        self._optimizer = optimizer
        self._scalars = scalars
        self._every_steps = every_steps
        self._log = log
        self._by_variable = by_variable
        self._names = [variable.name.split(":")[0] for variable in variables]
        self._roles = [find_role(variable.name, variable.shape).role for variable in variables]
        self._has_norm = hasattr(optimizer, "keep_gradient_norm")
        if self._has_norm:
            optimizer.keep_gradient_norm()
        # Each a program of its own: one call in place of one for every variable.
        self._samples = tf.function(self._samples, autograph=False)
        self._root_mean_squares = tf.function(self._root_mean_squares, autograph=False)

    def watches(self, step: int) -> bool:
        """Says whether the step of this number is measured."""
        return step % self._every_steps == 0

    @contextlib.contextmanager
    def watch(self, step: int) -> Iterator[None]:
        """Writes what became of the variables while it lasted, under the number of the step."""
        before = self._samples()
        steps_before = int(tf.convert_to_tensor(self._optimizer.iterations))
        with self._optimizer.watch_gradient_norm() if self._has_norm else contextlib.nullcontext():
            yield
        # After the step: until then Keras has the rate of the one before.
        scalars = {"learning_rate": float(tf.convert_to_tensor(self._optimizer.learning_rate))}
        if self._has_norm:
            scalars["gradient_norm"] = self._optimizer.gradient_norm
        moved, scales = self._root_mean_squares(before).numpy().astype(float)
        of_mnemosyne = getattr(self._optimizer, "step_multipliers", None)
        multipliers = of_mnemosyne() if of_mnemosyne else ()
        scalars |= self._by_role(moved, scales)
        if multipliers:
            scalars |= self._of_mnemosyne(multipliers, self._optimizer.step_sizes(steps_before))
        self._log({"step": step, "split": "steps", **scalars})
        if self._by_variable:
            scalars |= self._of_variables(moved, scales, multipliers)
        self._scalars.write("train", scalars, step)

    def _samples(self) -> list[tf.Tensor]:
        return [_sample(variable) for variable in self._variables]

    def _root_mean_squares(self, before: Sequence[tf.Tensor]) -> tf.Tensor:
        """float32 `[2, variables]`: of the steps since then, and of the weights then."""
        moved = [
            _sample(variable) - old for variable, old in zip(self._variables, before, strict=True)
        ]
        return tf.stack([[_rms(each) for each in moved], [_rms(each) for each in before]])

    def _members(self) -> dict[str, list[int]]:
        """Role -> indices of its variables."""
        members: dict[str, list[int]] = {}
        for index, role in enumerate(self._roles):
            members.setdefault(role, []).append(index)
        return members

    def _of_mnemosyne(
        self, multipliers: Sequence[float], step_sizes: Sequence[float]
    ) -> dict[str, float]:
        scalars = {}
        for role, members in self._members().items():
            logs = [math.log(multipliers[index]) for index in members]
            scalars[f"multiplier/{_tag(role)}"] = math.exp(sum(logs) / len(logs))
            sizes = [step_sizes[index] for index in members]
            scalars[f"step_size/{_tag(role)}"] = sum(sizes) / len(sizes)
        return scalars

    def _by_role(self, moved, scales) -> dict[str, float]:
        sizes = [variable.shape.num_elements() for variable in self._variables]
        scalars = {}
        for role, members in self._members().items():
            step, weight = (
                sum(sizes[index] * of[index] ** 2 for index in members) for of in (moved, scales)
            )
            if weight:
                scalars[f"relative_step/{_tag(role)}"] = math.sqrt(step / weight)
        return scalars

    def _of_variables(self, moved, scales, multipliers) -> dict[str, float]:
        scalars = {}
        for name, step, scale in zip(self._names, moved, scales, strict=True):
            scalars[f"step_rms/{name}"] = step
            if scale:
                scalars[f"relative_step/{name}"] = step / scale
        if multipliers:
            scalars |= {
                f"multiplier/{name}": value
                for name, value in zip(self._names, multipliers, strict=True)
            }
        return scalars


def _tag(role: str) -> str:
    """A role as one segment of a tag: TensorBoard makes a group of what stands before a slash."""
    return role.replace("/", " and ").replace(" ", "_")


def _sample(variable: tf.Variable) -> tf.Tensor:
    """float32 `[n]`, every k-th weight."""
    size = variable.shape.num_elements()
    stride = -(-size // _SAMPLE)
    # A stride that shares a factor with the width would see a few columns alone.
    while stride > 1 and math.gcd(stride, variable.shape[-1]) > 1:
        stride += 1
    return tf.cast(tf.reshape(variable, [-1])[::stride], tf.float32)


def _rms(tensor: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(tensor)))
