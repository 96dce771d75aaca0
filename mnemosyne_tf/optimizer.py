"""Mnemosyne as a Keras 2 optimizer: state, distribution and configuration around `update_rule`.

All arithmetic is in `update_rule.update`, a pure function of tensors. This file keeps the optimizer
variables, compiles one function per distinct variable plan (same-shape variables share it) and
decides, once for all replicas, whether the step is applied.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf import update_rule
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.parameter_routing import plan_variable
from mnemosyne_tf.update_rule import RuleSettings, StepInputs, VariableState

# Regular expressions searched in the variable name: biases and the scales of normalisations.
UNDECAYED_NAMES = ("bias", "gamma", "beta", "[Nn]orm")


def all_finite(gradients: Sequence[tf.Tensor]) -> tf.Tensor:
    """Bool `[]`: whether no gradient holds an infinity or a NaN."""
    return tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])


@keras.utils.register_keras_serializable(package="mnemosyne_tf")
class Mnemosyne(keras.optimizers.Optimizer):
    """The learned optimizer Mnemosyne, a drop-in for any Keras 2 model.

    Every gradient moves two accumulators; a hierarchical pooling encoder sums up each tensor in a
    few meta-tokens; a compact associative memory remembers them over steps; from these come
    step-size multipliers and a small learned correction. Kernels of hidden layers are updated with
    an orthogonalised direction, embeddings, biases and norms elementwise (`summary()` tells which).
    With the untrained meta-parameters ("nominal") the corrections are exactly zero.

    A step in which any gradient is not finite is skipped on all replicas: weights and accumulators
    stay as they are, `skipped_steps` counts it. `iterations` counts it too (so that schedules,
    logs and checkpoint numbers follow the training loop); bias correction does not.

    Args:
        learning_rate: relative multiplier on the built-in step sizes, 1.0 as meta-trained; a float
            or a `LearningRateSchedule`.
        total_steps: steps of the run, if known: 10 % linear warm-up, then linear decay to zero.
            None: 100 steps of warm-up, then constant.
        weight_decay: decoupled, per unit of scheduled rate; None or 0 for none. Not applied to
            names that match "bias", "gamma", "beta" or "[Nn]orm", nor to what
            `exclude_from_weight_decay` adds.
        meta_params: "nominal", the path of a `.npz`, a `MetaParams`, or its `to_config()`.
        orthogonalise: False sends every variable to the elementwise path.
        matrix_scale: "spectral" or "rms", see `RuleSettings`.
        newton_schulz_iterations: iterations of the orthogonalisation.
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
        meta_params: str | os.PathLike | MetaParams | Mapping[str, Any] = "nominal",
        orthogonalise: bool = True,
        matrix_scale: str = "spectral",
        newton_schulz_iterations: int = 5,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
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
            jit_compile=jit_compile,
            **kwargs,
        )
        self.jit_compile = jit_compile
        self._learning_rate = self._build_learning_rate(learning_rate)
        self._settings = RuleSettings(
            total_steps=total_steps,
            weight_decay=weight_decay or 0.0,
            matrix_scale=matrix_scale,
            newton_schulz_iterations=newton_schulz_iterations,
        )
        self._orthogonalise = orthogonalise
        self._meta_params_name = "nominal" if meta_params == "nominal" else None
        self._meta_params = _resolve(meta_params)
        self._exclude_from_weight_decay_names = list(UNDECAYED_NAMES)

    def _create_iteration_variable(self):
        super()._create_iteration_variable()
        with tf.init_scope():
            self._applied_steps = tf.Variable(
                0, name="applied_steps", dtype=tf.int64, trainable=False
            )
            self._skipped_steps = tf.Variable(
                0, name="skipped_steps", dtype=tf.int64, trainable=False
            )
        self._variables += [self._applied_steps, self._skipped_steps]

    @property
    def skipped_steps(self) -> tf.Variable:
        """int64 `[]`: steps skipped because a gradient was not finite."""
        return self._skipped_steps

    @property
    def meta_params(self) -> MetaParams:
        """The meta-parameters in use."""
        return self._meta_params

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Excludes more variables from weight decay; the built-in patterns stay excluded."""
        super().exclude_from_weight_decay(var_list, var_names)
        self._exclude_from_weight_decay_names = [*UNDECAYED_NAMES, *(var_names or [])]

    def build(self, var_list):
        """Creates the accumulators and memories of `var_list`; a second call does nothing."""
        if getattr(self, "_built", False):
            # Keras calls again from inside the traced step, where no variable may be made.
            return
        super().build(var_list)
        structure = self._meta_params.structure
        plans, updates = [], {}
        self._momenta, self._second_moments = [], []
        self._memories = []
        for variable in var_list:
            plan = plan_variable(
                name=variable.name,
                shape=variable.shape,
                chunk_size=structure.chunk_size,
                decayed=bool(self._settings.weight_decay) and self._use_weight_decay(variable),
                orthogonalise=self._orthogonalise,
            )
            plans.append(plan)
            if plan not in updates:
                updates[plan] = self._make_update(plan)
            self._momenta.append(self._add_state(variable, "momentum", plan.shape))
            self._second_moments.append(self._add_state(variable, "second_moment", plan.shape))
            if structure.use_memory:
                shape = [plan.num_chunks, structure.num_random_features, structure.width + 1]
                self._memories.append(self._add_state(variable, "memory", shape))
        self._plans = self._no_dependency(plans)
        self._updates = self._no_dependency(updates)
        self._all_finite = (
            tf.function(all_finite, jit_compile=True) if self.jit_compile else all_finite
        )
        self._built = True

    def _add_state(self, variable: tf.Variable, name: str, shape: Sequence[int]) -> tf.Variable:
        """Makes a float32 variable of zeros beside a weight of any float dtype."""
        if getattr(variable, "true_dtype", variable.dtype) == tf.float32:
            return self.add_variable_from_reference(variable, name, shape=shape)
        # `add_variable_from_reference` copies the dtype of the weight, and a float16 second moment
        # would underflow; the placement is the one it uses.
        with tf.distribute.get_strategy().extended.colocate_vars_with(variable):
            state = tf.Variable(
                tf.zeros(shape), name=f"{name}/{variable._shared_name}", trainable=False
            )
        self._variables.append(state)
        return state

    def _make_update(self, plan):
        rule = functools.partial(
            update_rule.update,
            plan=plan,
            structure=self._meta_params.structure,
            settings=self._settings,
        )

        def update(gradient, state, inputs):
            values = self._meta_params.values.items()
            return rule(
                {name: tf.constant(value) for name, value in values}, gradient, state, inputs
            )

        return tf.function(update, jit_compile=True) if self.jit_compile else update

    def update_step(self, gradient, variable, finite=None):
        """Updates one variable and its state; `finite` is the verdict on all gradients."""
        index = self._index_dict[self._var_key(variable)]
        variables = VariableState(
            weight=variable,
            momentum=self._momenta[index],
            second_moment=self._second_moments[index],
            memory=self._memories[index] if self._memories else None,
        )
        inputs = StepInputs(
            iterations=tf.convert_to_tensor(self.iterations),
            applied_steps=tf.convert_to_tensor(self._applied_steps),
            learning_rate=tf.cast(self.learning_rate, tf.float32),
            finite=self._all_finite([gradient]) if finite is None else finite,
        )
        state = tf.nest.map_structure(tf.convert_to_tensor, variables)
        new_state = self._updates[self._plans[index]](gradient, state, inputs)
        tf.nest.map_structure(lambda target, value: target.assign(value), variables, new_state)
        if self.use_ema:
            average = self._model_variables_moving_average[index]
            moved = self.ema_momentum * average + (1 - self.ema_momentum) * new_state.weight
            average.assign(tf.where(inputs.finite, moved, average))

    def _clip_gradients(self, grads):
        # Sparse gradients become dense first: clipping by norm must see the sum of repeated rows.
        grads = [tf.convert_to_tensor(gradient) for gradient in grads]
        clipped = super()._clip_gradients(grads)
        if self.clipvalue:
            # Clipping by value would turn an infinity into a plausible gradient.
            pairs = zip(clipped, grads, strict=True)
            return [tf.where(tf.math.is_finite(g), limited, g) for limited, g in pairs]
        return clipped

    def _apply_weight_decay(self, variables):
        """Does nothing: the decay is part of the update, so that a skipped step skips it too."""

    def _internal_apply_gradients(self, grads_and_vars):
        # Gradients are summed over replicas by now: every replica reaches the same verdict.
        finite = self._all_finite([gradient for gradient, _ in grads_and_vars])
        return tf.__internal__.distribute.interim.maybe_merge_call(
            self._distributed_apply_gradients_fn,
            self._distribution_strategy,
            grads_and_vars,
            finite,
        )

    def _distributed_apply_gradients_fn(self, distribution, grads_and_vars, finite):
        update = distribution.extended.update
        for gradient, variable in grads_and_vars:
            step = functools.partial(_call_update_step, self)
            update(variable, step, args=(gradient, finite), group=False)
        update(self._applied_steps, _count, args=(finite, True), group=False)
        update(self._skipped_steps, _count, args=(finite, False), group=False)
        if self.use_ema and self.ema_overwrite_frequency:
            variables = [variable for _, variable in grads_and_vars]
            tf.cond(
                (self.iterations + 1) % self.ema_overwrite_frequency == 0,
                lambda: self._overwrite_model_variables_with_average_value(variables),
                lambda: None,
            )
        return self.iterations.assign_add(1)

    def get_config(self):
        """JSON-serialisable arguments; meta-parameters that are not "nominal" are embedded."""
        return super().get_config() | {
            "learning_rate": self._serialize_hyperparameter(self._learning_rate),
            "total_steps": self._settings.total_steps,
            "meta_params": self._meta_params_name or self._meta_params.to_config(),
            "orthogonalise": self._orthogonalise,
            "matrix_scale": self._settings.matrix_scale,
            "newton_schulz_iterations": self._settings.newton_schulz_iterations,
        }


def _call_update_step(optimizer, variable, gradient, finite):
    optimizer.update_step(gradient, variable, finite)


def _count(variable, finite, wanted):
    return variable.assign_add(tf.cast(tf.equal(finite, wanted), variable.dtype))


def _resolve(meta_params) -> MetaParams:
    if isinstance(meta_params, MetaParams):
        return meta_params
    if meta_params == "nominal":
        return MetaParams.nominal()
    if isinstance(meta_params, Mapping):
        return MetaParams.from_config(meta_params)
    return MetaParams.load(meta_params)
