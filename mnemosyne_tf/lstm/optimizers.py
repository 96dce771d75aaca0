"""The learned optimizers that Mnemosyne is compared with: LSTMs that see each coordinate alone.

All arithmetic is in `update_rule.update`, a pure function of tensors. This file keeps the optimizer
variables. `CoordinatewiseLSTM` is Andrychowicz et al. 2016, `RNNprop` Lv, Jiang and Li 2017.
"""

import functools
import math
import os
from collections.abc import Mapping
from typing import Any, ClassVar

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf.guarded_optimizer import GuardedOptimizer
from mnemosyne_tf.lstm import update_rule
from mnemosyne_tf.lstm.params import LSTMParams, LSTMStructure
from mnemosyne_tf.lstm.update_rule import LSTMState
from mnemosyne_tf.update_rule import StepInputs


class LSTMOptimizer(GuardedOptimizer):
    """What the two LSTM optimizers share; use one of them.

    They keep 80 floats for each weight (`RNNprop` 82), so they are for small models and for
    comparisons. Untrained, they move the weights at random: give meta-trained parameters.

    Args:
        learning_rate: multiplier on the learned step, a float or a `LearningRateSchedule`.
        weight_decay: decoupled, per unit of learning rate; None or 0 for none.
        meta_params: "untrained", the path of a `.npz`, an `LSTMParams`, or its `to_config()`.
        jit_compile: as in `GuardedOptimizer`.
        **kwargs: `parameter_roles`, `undecayed_names` of `GuardedOptimizer`; `clipnorm`,
            `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `name`, as in every Keras optimizer.

    Raises:
        ValueError: meta-parameters that do not fit, or are those of the other optimizer.
        FileNotFoundError: `meta_params` names a file that does not exist.
    """

    inputs: ClassVar[str]

    def __init__(
        self,
        learning_rate=1.0,
        weight_decay: float | None = None,
        *,
        meta_params: str | os.PathLike | LSTMParams | Mapping[str, Any] = "untrained",
        jit_compile: bool = True,
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(
            name=name or type(self).__name__,
            weight_decay=weight_decay,
            jit_compile=jit_compile,
            **kwargs,
        )
        self._learning_rate = self._build_learning_rate(learning_rate)
        self._meta_params_name = "untrained" if meta_params == "untrained" else None
        if self._meta_params_name:
            meta_params = LSTMParams.untrained(LSTMStructure(inputs=self.inputs))
        self._meta_params = LSTMParams.resolve(meta_params)
        if self._meta_params.structure.inputs != self.inputs:
            raise ValueError(
                f"Expected meta-parameters with inputs {self.inputs!r} for {type(self).__name__}, "
                f"received inputs {self._meta_params.structure.inputs!r}. They belong to the other "
                "LSTM optimizer."
            )

    @property
    def meta_params(self) -> LSTMParams:
        """The meta-parameters in use."""
        return self._meta_params

    def build(self, var_list):
        """Creates the cells of `var_list`; a second call does nothing."""
        if getattr(self, "_built", False):
            # Keras calls again from inside the traced step, where no variable may be made.
            return
        super().build(var_list)
        structure = self._meta_params.structure
        decays = [
            self.weight_decay if self.weight_decay and self._use_weight_decay(variable) else 0.0
            for variable in var_list
        ]
        # One compiled function for each decay; it is traced once for each shape.
        self._updates = self._no_dependency({decay: self._make_update(decay) for decay in decays})
        self._decays = self._no_dependency(decays)
        self._cells, self._moments = [], []
        for variable in var_list:
            shape = variable.shape.as_list()
            cells = [math.prod(shape), *structure.state_shape]
            self._cells.append(self.add_float32_state(variable, "cells", cells))
            if self.inputs == "moments":
                names = ("momentum", "second_moment")
                self._moments.append(
                    [self.add_float32_state(variable, name, shape) for name in names]
                )
        self._built = True

    def _make_update(self, decay):
        rule = functools.partial(
            update_rule.update, structure=self._meta_params.structure, weight_decay=decay
        )

        def update(gradient, state, inputs):
            values = self._meta_params.values.items()
            return rule(
                {name: tf.constant(value) for name, value in values}, gradient, state, inputs
            )

        return self._compile(update)

    def update_step(self, gradient, variable, finite=None):
        """Updates one variable and its state unless `finite` is False."""
        index = self._index_dict[self._var_key(variable)]
        moments = tuple(self._moments[index]) if self._moments else ()
        variables = LSTMState(weight=variable, cells=self._cells[index], moments=moments)
        inputs = StepInputs(
            iterations=tf.convert_to_tensor(self.iterations),
            applied_steps=tf.convert_to_tensor(self._applied_steps),
            learning_rate=tf.cast(self.learning_rate, tf.float32),
            finite=self._all_finite([gradient]) if finite is None else finite,
        )
        state = tf.nest.map_structure(tf.convert_to_tensor, variables)
        new_state = self._updates[self._decays[index]](gradient, state, inputs)
        tf.nest.map_structure(lambda target, value: target.assign(value), variables, new_state)

    def summary(self, print_fn=print) -> None:
        """Prints decay and state in bytes of every variable, and the whole.

        Args:
            print_fn: called with each line.

        Raises:
            RuntimeError: the optimizer has not seen the variables yet.
        """
        self.check_built()
        floats = math.prod(self._meta_params.structure.state_shape)
        floats += 2 * bool(self._moments)
        weights = [cells.shape[0] for cells in self._cells]
        names = [cells.name.removeprefix("cells/") for cells in self._cells]
        width = max(map(len, names), default=0)
        for name, count, decay in zip(names, weights, self._decays, strict=True):
            decayed = "decayed" if decay else "not decayed"
            print_fn(f"{name:<{width}}  {count:>11,} weights  {decayed:<11}  "
                     f"{4 * floats * count:>15,} bytes of state")  # fmt: skip
        print_fn(
            f"{len(names)} variables, {sum(weights):,} weights, "
            f"{4 * floats * sum(weights):,} bytes of state ({floats} floats per weight)"
        )

    def get_config(self):
        """JSON-serialisable arguments; meta-parameters that are not "untrained" are embedded."""
        return super().get_config() | {
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "meta_params": self._meta_params_name or self._meta_params.to_config(),
        }


@keras.utils.register_keras_serializable(package="mnemosyne_tf")
class CoordinatewiseLSTM(LSTMOptimizer):
    """Two layers of 20 LSTM units that see logarithm and sign of each coordinate's gradient.

    Its arguments are those of `LSTMOptimizer`.

    Source: Andrychowicz et al. 2016 (arXiv 1606.04474).
    """

    inputs = "log_sign"


@keras.utils.register_keras_serializable(package="mnemosyne_tf")
class RNNprop(LSTMOptimizer):
    """The same with engineered inputs m / sqrt(v) and g / sqrt(v), and steps within 0.1.

    Its arguments are those of `LSTMOptimizer`.

    Source: Lv, Jiang and Li 2017 (arXiv 1703.03633).
    """

    inputs = "moments"
