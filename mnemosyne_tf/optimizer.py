"""Mnemosyne as a Keras 2 optimizer: state and configuration around `update_rule`.

All arithmetic is in `update_rule`, pure functions of tensors. This file keeps the optimizer
variables and compiles one function per distinct variable plan. Small variables of one plan are
updated together, as a stack.
"""

import collections
import dataclasses
import functools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf import update_rule
from mnemosyne_tf.guarded_optimizer import UNDECAYED_NAMES, GuardedOptimizer, local_copy
from mnemosyne_tf.learned.heads import output_heads
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.size_scaling import scale_rates
from mnemosyne_tf.stacked_update import StackedUpdate
from mnemosyne_tf.update_rule import RuleSettings, StepInputs, VariableState
from mnemosyne_tf.variable_plan import plan_variable, summarise

# Variables of at most so many coordinates are updated as a stack.
MAX_STACKED_COORDS = 2**18


@keras.utils.register_keras_serializable(package="mnemosyne_tf")
class Mnemosyne(GuardedOptimizer):
    """The learned optimizer Mnemosyne, a drop-in for any Keras 2 model.

    Every gradient moves two accumulators; a hierarchical pooling encoder sums up each tensor in a
    few meta-tokens; a compact associative memory remembers them over steps; from these come
    step-size multipliers and a small learned correction. Kernels of hidden layers are updated with
    an orthogonalised direction, embeddings, biases and norms elementwise (`summary()` tells which).
    With the meta-parameters that ship, and with the untrained ones ("nominal"), the corrections are
    exactly zero.

    A step in which any gradient is not finite is skipped on all replicas: weights and accumulators
    stay as they are, `skipped_steps` counts it. `iterations` counts it too (so that schedules,
    logs and checkpoint numbers follow the training loop); bias correction does not.

    Half-precision weights keep no float32 copy: a step below half a unit in the last place is lost.
    Use a mixed precision policy, whose weights are float32.

    Args:
        learning_rate: relative multiplier on the built-in step sizes, 1.0 as meta-trained; a float
            or a `LearningRateSchedule`.
        total_steps: steps of the run, if known: linear warm-up (3 % as it ships), a while at the
            peak where a step has more than 160 labels, linear decay to zero, where training then
            stands still. None: 100 steps of warm-up, then constant.
        labels_per_step: labels in the loss of one step, all replicas together, if known (rows of a
            classifier, masked tokens of a masked LM); with `total_steps` it sets that while.
        weight_decay: decoupled, per unit of scheduled rate; None or 0 for none. Not applied to
            names that match `undecayed_names`, nor to what `exclude_from_weight_decay` adds.
        meta_params: "shipped" (trained, see `weights/README.md`), "nominal", the path of a `.npz`,
            a `MetaParams`, or its `to_config()`.
        orthogonalise: False sends every variable to the elementwise path, where meta-parameters
            without a nominal direction send them all by themselves.
        size_scaling: False keeps the built-in rates at every size of the model, see
            `size_scaling.scale_rates`; without a nominal direction they always stay.
        nesterov: False leaves Nesterov's look ahead out of the nominal direction.
        matrix_scale: "spectral" or "rms", see `RuleSettings`.
        newton_schulz_iterations, newton_schulz_dtype: see `RuleSettings`.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency: as
            in every Keras optimizer.
        jit_compile: compiles the update with XLA, on CPUs too.
            Differs: Keras ignores the flag without a GPU; here the fused passes pay everywhere.

    Raises:
        ValueError: an argument out of its range, or meta-parameters that do not fit.
        FileNotFoundError: `meta_params` names a file that does not exist.

    Source: Jain et al. 2023 (arXiv 2302.01128).
    """

    def __init__(
        self,
        learning_rate=1.0,
        total_steps: int | None = None,
        weight_decay: float | None = 0.01,
        *,
        labels_per_step: int | None = None,
        meta_params: str | os.PathLike | MetaParams | Mapping[str, Any] = "shipped",
        orthogonalise: bool = True,
        size_scaling: bool = True,
        nesterov: bool = True,
        matrix_scale: str = "spectral",
        newton_schulz_iterations: int = 5,
        newton_schulz_dtype: str = "float32",
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        undecayed_names: Sequence[str] = UNDECAYED_NAMES,
        jit_compile: bool = True,
        name: str = "Mnemosyne",
        **kwargs,
    ):
        super().__init__(
            name=name,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            undecayed_names=undecayed_names,
            jit_compile=jit_compile,
            **kwargs,
        )
        self._learning_rate = self._build_learning_rate(learning_rate)
        self._settings = RuleSettings(
            total_steps=total_steps,
            labels_per_step=labels_per_step,
            weight_decay=weight_decay or 0.0,
            size_scaling=size_scaling,
            nesterov=nesterov,
            matrix_scale=matrix_scale,
            newton_schulz_iterations=newton_schulz_iterations,
            newton_schulz_dtype=newton_schulz_dtype,
        )
        self._orthogonalise = orthogonalise
        self._meta_params_name = "nominal" if meta_params == "nominal" else None
        self._meta_params = MetaParams.resolve(meta_params)
        self._has_step_head, has_network = output_heads(self._meta_params.values)
        has_memory = self._meta_params.structure.use_memory
        self._has_memory = has_memory and (self._has_step_head or has_network)

    @property
    def meta_params(self) -> MetaParams:
        """The meta-parameters in use."""
        return self._meta_params

    def build(self, var_list):
        """Creates the accumulators and memories of `var_list`; a second call does nothing."""
        if getattr(self, "_built", False):
            # Keras calls again from inside the traced step, where no variable may be made.
            return
        super().build(var_list)
        plans = self._plan(var_list)
        halves = {plan: self._make_halves(plan) for plan in dict.fromkeys(plans)}
        states = [self._make_state(*each) for each in zip(var_list, plans, strict=True)]
        self._plans = self._no_dependency(plans)
        self._halves = self._no_dependency(halves)
        self._states = self._no_dependency(states)
        self._built = True

    def _plan(self, var_list):
        structure = self._meta_params.structure
        plans = [
            plan_variable(
                name=variable.name,
                shape=variable.shape,
                chunk_size=structure.chunk_size,
                decayed=bool(self._settings.weight_decay) and self._use_weight_decay(variable),
                orthogonalise=self._orthogonalise and structure.nominal_direction,
            )
            for variable in var_list
        ]
        if self._settings.size_scaling and structure.nominal_direction:
            plans = scale_rates([variable.name for variable in var_list], plans)
        return plans

    def _make_state(self, variable, plan):
        """All that is kept for a variable, which itself is put in at each step."""
        shapes = {"momentum": plan.shape, "second_moment": plan.shape}
        if self._has_memory:
            shapes["memory"] = (plan.num_chunks, *self._meta_params.structure.memory_shape)
        if self._has_step_head:
            shapes["log_multiplier"] = ()
        kept = {
            part: self.add_float32_state(variable, part, shape) for part, shape in shapes.items()
        }
        return VariableState(**{"weight": (), "memory": ()} | kept)

    def _make_halves(self, plan):
        """The two halves of a step of variables of one plan."""
        structure, settings = self._meta_params.structure, self._settings
        apply = functools.partial(
            update_rule.apply, plan=plan, structure=structure, settings=settings
        )
        values = self._meta_params.values
        return [
            StackedUpdate(rule, values, self._compile) for rule in (update_rule.accumulate, apply)
        ]

    def update_step(self, gradient, variable, finite=None):
        """Updates one variable and its state unless `finite` is False."""
        finite = self._all_finite([gradient]) if finite is None else finite
        self.update_steps([gradient], [variable], finite)

    def update_steps(self, gradients, variables, finite):
        """Updates variables and their state unless `finite` is False, small ones in stacks."""
        inputs = StepInputs(
            iterations=tf.convert_to_tensor(self.iterations),
            applied_steps=tf.convert_to_tensor(self._applied_steps),
            learning_rate=tf.cast(self.learning_rate, tf.float32),
            finite=finite,
        )
        stacks = collections.defaultdict(list)
        for gradient, variable in zip(gradients, variables, strict=True):
            index = self._index_dict[self._var_key(variable)]
            plan = self._plans[index]
            state = self._states[index]._replace(weight=variable)
            together = plan.num_coords <= MAX_STACKED_COORDS
            key = (plan, gradient.dtype, variable.dtype, None if together else index)
            stacks[key].append((gradient, tf.nest.map_structure(local_copy, state)))
        for (plan, *_), members in stacks.items():
            for half in self._halves[plan]:
                half(*zip(*members, strict=True), inputs)

    def summary(self, print_fn=print) -> None:
        """Prints which variable takes which path, its chunks, its decay and its state in bytes.

        Args:
            print_fn: called with each line.

        Raises:
            RuntimeError: the optimizer has not seen the variables yet.
        """
        self.check_built()
        names = [state.momentum.name.removeprefix("momentum/") for state in self._states]
        floats = [
            sum(math.prod(part.shape) for part in tf.nest.flatten(state)) for state in self._states
        ]
        for line in summarise(names, self._plans, floats):
            print_fn(line)

    def step_multipliers(self) -> list[float]:
        """The learned multiplier on the step of each variable, in the order of `build`.

        Of the last step that was applied: what the step head made of the nominal step, in
        [e^-2, e^2]; of a variable on the elementwise path, whose chunks have one each, the
        geometric mean. 1.0 before the first step, and always where the step head is zero.

        Raises:
            RuntimeError: the optimizer has not seen the variables yet.
        """
        self.check_built()
        if not self._has_step_head:
            return [1.0] * len(self._states)
        return [math.exp(state.log_multiplier.numpy()) for state in self._states]

    def get_config(self):
        """JSON-serialisable arguments; meta-parameters that are not "nominal" are embedded."""
        settings = dataclasses.asdict(self._settings)
        del settings["weight_decay"]  # None is kept by the class above, as it was given
        return super().get_config() | {
            **settings,
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "meta_params": self._meta_params_name or self._meta_params.to_config(),
            "orthogonalise": self._orthogonalise,
        }
