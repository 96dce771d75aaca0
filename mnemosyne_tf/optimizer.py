"""Mnemosyne as a Keras 2 optimizer: state and configuration around `model_update`.

All arithmetic is in `update_rule`, pure functions of tensors, and what is decided about a model in
`model_update`. This file keeps the optimizer variables and compiles one function per distinct plan.
"""

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf import model_update
from mnemosyne_tf.guarded_optimizer import GuardedOptimizer, local_copy
from mnemosyne_tf.in_place_update import InPlaceGrowth, InPlaceLevers, InPlaceUpdate
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.model_update import ModelUpdate
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.update_rule import StepInputs
from mnemosyne_tf.variable_plan import summarise


@keras.utils.register_keras_serializable(package="mnemosyne_tf")
class Mnemosyne(GuardedOptimizer):
    """The learned optimizer Mnemosyne, a drop-in for any Keras 2 model.

    Every gradient moves two accumulators; a hierarchical pooling encoder sums up each tensor in a
    few meta-tokens; a compact associative memory remembers them over steps; from these come
    step-size multipliers and a small learned correction. Kernels of hidden layers are updated with
    an orthogonalised direction, embeddings, biases and norms elementwise (`summary()` tells which).
    With the released meta-parameters, and "nominal" ones, the corrections are exactly zero.

    A step in which any gradient is not finite is skipped on all replicas: weights and accumulators
    stay as they are, `skipped_steps` counts it. `iterations` counts it too (so that schedules,
    logs and checkpoint numbers follow the training loop); bias correction does not.

    Half-precision weights keep no float32 copy: a step below half a unit in the last place is lost.
    Use a mixed precision policy, whose weights are float32.

    Args:
        learning_rate: relative multiplier on the built-in step sizes, 1.0 as meta-trained; a float
            or a `LearningRateSchedule`.
        total_steps: steps of the run, if known: linear warm-up (3 % of them by default), a plateau
            where a step has more than 160 labels, decay to zero by the square root of what is left
            of the run, where training then stands still. None: 100 steps of warm-up, then constant.
        labels_per_step: labels in the loss of one step, all replicas together, if known (rows of a
            classifier, masked tokens of a masked LM); with `total_steps` it sets that plateau.
        weight_decay: decoupled, per unit of scheduled rate; None or 0 for none. Not applied to
            biases and norms, to names that match `undecayed_names`, nor to what
            `exclude_from_weight_decay` adds.
        meta_params: "shipped" (trained, see `weights/README.md`), "nominal", the path of a `.npz`,
            a `MetaParams`, or its `to_config()`.
        rule: other numbers of the nominal rule than `meta_params` has: `{"decay_power": 1.0}`.
        role_rates: other rates of some roles than `meta_params` has: `{"position table": 1.0}`.
            For weights of an earlier training `Mnemosyne(**mnemosyne_tf.FINE_TUNING)`.
        role_horizons: how many times further back the averages of the gradients of some roles
            reach, if not as `meta_params` has it: `{"position table": 5.0}`.
        orthogonalise: False sends every variable to the elementwise path, where meta-parameters
            without a nominal direction send them all by themselves.
        size_scaling: False keeps the built-in rates at every size of the model, see
            `step_size.scale_rates`; without a nominal direction they always stay.
        nesterov: False leaves Nesterov's momentum out of the nominal direction.
        matrix_scale, newton_schulz_iterations, newton_schulz_dtype, newton_schulz_coefficients,
            newton_schulz_wide_iterations, attention_block: see `RuleSettings`.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency: as
            in every Keras optimizer.
        parameter_roles, undecayed_names, jit_compile: as in `GuardedOptimizer`. A role decides
            about path, decay, rate and horizon; `summary()` prints the role of every variable and
            why it has it.

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
        rule: Mapping[str, float] | None = None,
        role_rates: Mapping[str, float] | None = None,
        role_horizons: Mapping[str, float] | None = None,
        orthogonalise: bool = True,
        size_scaling: bool = True,
        nesterov: bool = True,
        matrix_scale: str = "spectral",
        newton_schulz_iterations: int = 5,
        newton_schulz_dtype: str = "float32",
        newton_schulz_coefficients: str | None = None,
        newton_schulz_wide_iterations: int | None = 3,
        attention_block: int | None = 64,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        parameter_roles: Mapping[str, str] | None = None,
        undecayed_names: Sequence[str] = (),
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
            parameter_roles=parameter_roles,
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
            newton_schulz_coefficients=newton_schulz_coefficients,
            newton_schulz_wide_iterations=newton_schulz_wide_iterations,
            attention_block=attention_block,
        )
        self._orthogonalise = orthogonalise
        is_nominal = meta_params == "nominal" and not (rule or role_rates or role_horizons)
        self._meta_params_name = "nominal" if is_nominal else None
        self._meta_params = MetaParams.resolve(meta_params)
        if rule:
            self._meta_params = self._meta_params.with_rule(rule)
        if role_rates:
            self._meta_params = self._meta_params.with_role_rates(role_rates)
        if role_horizons:
            self._meta_params = self._meta_params.with_role_horizons(role_horizons)

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
        model = ModelUpdate(
            [variable.name for variable in var_list],
            [variable.shape for variable in var_list],
            self._meta_params,
            self._settings,
            orthogonalise=self._orthogonalise,
            parameter_roles=self._parameter_roles,
            undecayed=[
                index
                for index, variable in enumerate(var_list)
                if not self._use_weight_decay(variable)
            ],
        )
        states = model.init(var_list, self.add_float32_state, keeps_multipliers=True)
        self._names = self._no_dependency([variable.name for variable in var_list])
        self._model = self._no_dependency(model)
        values = self._meta_params.values
        updates = {p: InPlaceUpdate(model.rule(p), values, self._compile) for p in model.plans}
        self._updates = self._no_dependency(updates)
        self._states = self._no_dependency(states)
        levers = InPlaceLevers(model, self._meta_params.values, self._compile)
        self._levers = levers if model.model_level.is_live else None
        self._growth = InPlaceGrowth(model, self._compile)
        self._built = True

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
        indices = [self._index_dict[self._var_key(variable)] for variable in variables]
        states = [
            tf.nest.map_structure(local_copy, self._states[index]._replace(weight=variable))
            for index, variable in zip(indices, variables, strict=True)
        ]
        offsets = ()
        if self._levers:
            offsets = self._levers(indices, states, inputs)
            states = [state._replace(memory=()) for state in states]  # Written by now.
        weights = {index: each.weight for index, each in zip(indices, states, strict=True)}
        sizes = self._growth.before(weights)
        kinds = [(g.dtype, v.dtype) for g, v in zip(gradients, variables, strict=True)]
        limit = model_update.MAX_STACKED_COORDS
        for plan, members in self._model.together(indices, kinds, limit):
            of_stack = self._model.inputs_of(
                [indices[member] for member in members], inputs, offsets=offsets, rows=members
            )
            of_members = [[each[member] for member in members] for each in (gradients, states)]
            self._updates[plan](*of_members, of_stack)
        self._growth.after(weights, sizes)

    def summary(self, print_fn=print, *, step: int | None = None) -> None:
        """Prints role and reason, path, rate, horizon, chunks, decay, state of every variable.

        Args:
            print_fn: called with each line.
            step: prints `step_sizes(step)`, too: without the learned multiplier.

        Raises:
            RuntimeError: the optimizer has not seen the variables yet.
        """
        self.check_built()
        floats = [
            sum(math.prod(part.shape) for part in tf.nest.flatten(state)) for state in self._states
        ]
        sizes = None if step is None else (step, self.step_sizes(step))
        model = self._model
        factors = model.role_rates(), model.role_horizons()
        for line in summarise(self._names, model.plans, model.roles, floats, sizes, *factors):
            print_fn(line)

    def step_sizes(self, step: int) -> list[float]:
        """The step size of each variable at a step, in the order of `build`, see `step_size`.

        Args:
            step: counted from 0, skipped steps included.

        Raises:
            RuntimeError: the optimizer has not seen the variables yet.
        """
        self.check_built()
        rate = self._learning_rate
        is_schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
        # Under a strategy the rate is a variable on each replica, which `float` does not take.
        now = tf.convert_to_tensor(rate(step) if is_schedule else rate)
        return self._model.step_sizes(step, float(now))

    def step_multipliers(self) -> list[float]:
        """The learned multiplier on the step of each variable, in the order of `build`.

        Of the last step that was applied: what the step head made of the nominal step, in
        [e^-2, e^2]; of a variable on the elementwise path, whose chunks have one each, the
        geometric mean. 1.0 before the first step, and always where the step head is zero.

        Raises:
            RuntimeError: the optimizer has not seen the variables yet.
        """
        self.check_built()
        if not self._model.has_multipliers:
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
