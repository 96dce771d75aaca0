"""A Keras 2 optimizer that skips a step, on all replicas at once, when a gradient is not finite.

`update_step` of a subclass receives the verdict as a tensor and must leave everything as it is when
the verdict is False: a branch in the graph would not survive `merge_call` and would cost a
synchronisation on accelerators, a selection costs nothing inside a compiled update.

Keras updates variable by variable; here a replica gets all of its variables in one call
(`update_steps`), so that a subclass can update variables of one kind together.
"""

import functools
from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf.gradient_norm import KeepsGradientNorm
from mnemosyne_tf.parameter_roles import (
    ROLES,
    FoundRole,
    check_all_found,
    check_roles,
    find_role,
)
from mnemosyne_tf.sums import row_sums


def all_finite(gradients: Sequence[tf.Tensor]) -> tf.Tensor:
    """Bool `[]`: whether no gradient holds an infinity or a NaN."""
    return tf.reduce_all([_is_finite(gradient) for gradient in gradients])


def _is_finite(gradient):
    if not gradient.shape.is_fully_defined() or 0 in gradient.shape:
        return tf.reduce_all(tf.math.is_finite(gradient))
    # Zero times what is not finite is NaN. A sum takes a third of the time of a logical reduction.
    # In float32: oneDNN has no bfloat16 product on every CPU, and no sum here is left to one.
    zeros = tf.cast(0.0 * gradient, tf.float32)
    zeros = tf.reshape(zeros, [-1, (1, *gradient.shape)[-1]])
    return tf.reduce_all(tf.equal(row_sums(zeros), 0.0))


class GuardedOptimizer(KeepsGradientNorm, keras.optimizers.Optimizer):
    """Base of our optimizers; a subclass gives `build`, `update_step` and `get_config`.

    `iterations` counts every call of `apply_gradients`, skipped ones included, so that schedules,
    logs and checkpoint numbers follow the training loop. `applied_steps` counts the steps that
    moved the weights, `skipped_steps` the others.

    Sparse gradients are made dense before anything else. Weight decay is left to `update_step`, so
    that a skipped step skips it too.

    Biases and norms are not decayed: the role of a variable decides (`parameter_roles.find_role`).

    Args:
        jit_compile: compiles updates with XLA, on CPUs too.
            Differs: Keras ignores the flag without a GPU; fused passes pay everywhere.
        parameter_roles: roles of variables by name or regular expression, where what is found by
            itself is wrong: `{"my_table": "word table"}`. The roles are the keys of
            `parameter_roles.ROLES`.
        undecayed_names: regular expressions; a variable in whose name one is found is not decayed.
            Differs: part of the configuration, so that a model loaded from a file decays what the
            saved one did. Keras forgets its exclusions.
        **kwargs: those of `keras.optimizers.Optimizer`.

    Raises:
        ValueError: an unknown role; in `build`, a pattern that fits no variable.
    """

    def __init__(
        self,
        *,
        jit_compile: bool = True,
        parameter_roles: Mapping[str, str] | None = None,
        undecayed_names: Sequence[str] = (),
        **kwargs,
    ):
        super().__init__(jit_compile=jit_compile, **kwargs)
        self.jit_compile = jit_compile
        check_roles(parameter_roles or {})
        self._parameter_roles = self._no_dependency(dict(parameter_roles or {}))
        self._exclude_from_weight_decay_names = list(undecayed_names)
        self._all_finite = self._compile(all_finite)

    def __repr__(self):
        # Keras 3 puts this into its error when a model of its own is compiled with the optimizer.
        return (
            f"<{type(self).__name__}, an optimizer for Keras 2: it trains models of `tf_keras`. "
            "For models of `tf.keras` set the environment variable TF_USE_LEGACY_KERAS=1 before "
            "`import tensorflow`, which makes `tf.keras` Keras 2>"
        )

    def build(self, var_list):
        """Creates the state of `var_list`, in a subclass."""
        if any(not hasattr(variable, "_unique_id") for variable in var_list):
            kinds = sorted({type(variable).__module__ for variable in var_list})
            raise TypeError(
                f"Expected variables of TensorFlow, received those of {', '.join(kinds)} for "
                f"{self!r}."
            )
        check_all_found([variable.name for variable in var_list], self._parameter_roles)
        super().build(var_list)

    def role_of(self, variable) -> FoundRole:
        """The role of a variable, and why it has it."""
        return find_role(variable.name, variable.shape, self._parameter_roles)

    def _use_weight_decay(self, variable):
        return ROLES[self.role_of(variable).role].decayed and super()._use_weight_decay(variable)

    def _compile(self, function):
        # Nothing here needs rewriting by AutoGraph, which takes longer than the tracing itself.
        if self.jit_compile:
            return tf.function(function, jit_compile=True, autograph=False)
        return tf.autograph.experimental.do_not_convert(function)

    def _create_iteration_variable(self):
        super()._create_iteration_variable()
        with tf.init_scope():
            self._applied_steps, self._skipped_steps = (
                tf.Variable(0, name=name, dtype=tf.int64, trainable=False)
                for name in ("applied_steps", "skipped_steps")
            )
        self._variables += [self._applied_steps, self._skipped_steps]

    @property
    def applied_steps(self) -> tf.Variable:
        """int64 `[]`: steps that moved the weights."""
        return self._applied_steps

    @property
    def skipped_steps(self) -> tf.Variable:
        """int64 `[]`: steps left out because a gradient was not finite."""
        return self._skipped_steps

    def check_built(self) -> None:
        """Raises RuntimeError where the optimizer has not seen its variables yet."""
        if not getattr(self, "_built", False):
            raise RuntimeError(
                "Expected a built optimizer, received one without variables. Call "
                "`optimizer.build(model.trainable_variables)` or train a step first."
            )

    def update_step(self, gradient, variable, finite=None):
        """Updates one variable and its state unless `finite` is False.

        Args:
            gradient: dense, the shape of the variable.
            variable: one the optimizer was built with.
            finite: bool `[]`, the verdict on all gradients of the step; None judges this one.
        """
        raise NotImplementedError

    def update_steps(self, gradients, variables, finite):
        """Updates all variables of a step on one replica; by default one after the other."""
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable, finite)

    def add_float32_state(self, variable, name: str, shape: Sequence[int]) -> tf.Variable:
        """Makes a float32 variable of zeros, placed and mirrored with a weight of any dtype."""
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

    def _clip_gradients(self, grads):
        # Dense first: clipping by norm must see the sum of repeated rows.
        grads = [tf.convert_to_tensor(gradient) for gradient in grads]
        clipped = super()._clip_gradients(grads)
        if not self.clipvalue:
            return clipped
        # Clipping by value would turn an infinity into a plausible gradient.
        pairs = zip(grads, clipped, strict=True)
        return [tf.where(tf.math.is_finite(raw), limited, raw) for raw, limited in pairs]

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Excludes more variables from weight decay; call it before the first step.

        Args:
            var_list: variables. They have no name that is sure to be theirs alone, so they are not
                part of the configuration: name them again on an optimizer made from one.
            var_names: regular expressions, added to `undecayed_names`.
        """
        names = [*self._exclude_from_weight_decay_names, *(var_names or [])]
        super().exclude_from_weight_decay(var_list, names)

    def _serialize_hyperparameter(self, hyperparameter):
        value = super()._serialize_hyperparameter(hyperparameter)
        # Keras gives the NumPy scalar of a variable, which `json` refuses.
        return value.item() if hasattr(value, "item") else value

    def get_config(self):
        """JSON-serialisable arguments."""
        return super().get_config() | {
            "parameter_roles": dict(self._parameter_roles),
            "undecayed_names": list(self._exclude_from_weight_decay_names),
        }

    def _apply_weight_decay(self, variables):
        """Does nothing: the decay is part of `update_step`."""

    @tf.autograph.experimental.do_not_convert
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
        update = functools.partial(distribution.extended.update, group=False)
        gradients, variables = map(list, zip(*grads_and_vars, strict=True))

        def update_replica(_, gradients, finite):
            # Inside `update` each of `variables` stands for its copy on this replica.
            self.update_steps(gradients, variables, finite)
            if self.use_ema:
                self._move_averages(variables, finite)

        update(variables[0], update_replica, args=(gradients, finite))
        update(self._applied_steps, _count, args=(finite, True))
        update(self._skipped_steps, _count, args=(finite, False))
        if self.use_ema and self.ema_overwrite_frequency:
            tf.cond(
                (self.iterations + 1) % self.ema_overwrite_frequency == 0,
                lambda: self._overwrite_model_variables_with_average_value(variables),
                lambda: None,
            )
        return self.iterations.assign_add(1)

    def _move_averages(self, variables, finite):
        for variable in variables:
            index = self._index_dict[self._var_key(variable)]
            average = self._model_variables_moving_average[index]
            moved = self.ema_momentum * average + (1 - self.ema_momentum) * variable
            average.assign(tf.where(finite, moved, average))


def local_copy(variable: tf.Variable) -> tf.Variable:
    """The plain variable that the replica at hand keeps; call it inside `update_steps`.

    A compiled function takes plain variables as arguments and changes them in place; tensors that
    go in and come back take half as long again.
    """
    variable = getattr(variable, "_variable", variable)  # Keras wraps those of mixed precision.
    return variable._get() if hasattr(variable, "_get") else variable


def _count(variable, finite, wanted):
    return variable.assign_add(tf.cast(tf.equal(finite, wanted), variable.dtype))
