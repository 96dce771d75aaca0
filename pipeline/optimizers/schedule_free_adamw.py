"""Schedule-Free AdamW: an average of the iterates instead of a decaying rate."""

import contextlib
import functools

import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.base import HandDesignedOptimizer


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class ScheduleFreeAdamW(HandDesignedOptimizer):
    """AdamW that trains at one point, y, and is evaluated at another, the average x.

        r = rate * sqrt(1 - b2^t)
        v <- b2 v + (1 - b2) g^2                           g is the gradient at y
        z <- z - r * (g / (sqrt(v) + epsilon) + weight_decay * y)
        c = r^2 / (sum of r^2 over the steps so far)
        x <- (1 - c) x + c z
        y = (1 - b1) z + b1 x

    The variables hold y while training, and x inside `evaluation_weights` and after
    `finalize_variable_values`, which Keras calls at the end of `fit`. Where neither is called,
    what is evaluated or saved is y. A step on variables that hold x continues from the y that
    belongs to it, though its gradient was taken at x. Moving there and back may change the last
    bit.

    The state is `lead` = z - x and `second_moment`: x = y - (1 - b1) lead, so before the first
    step, and regardless of the weights that are loaded then, x, y and z are equal.

    Args:
        learning_rate: a float, or a schedule that warms up and stays; none that decays.
        beta_1: b1, the weight of the average in y.
        beta_2: b2.
        epsilon: added to the root.
        weight_decay: decoupled, per unit of rate, at y; None or 0 for none.
        **kwargs: those of `GuardedOptimizer`, but no `use_ema`.

    Raises:
        ValueError: `use_ema` is set.

    Source: Defazio et al. 2024 (arXiv 2405.15682), algorithm 1.
    """

    trains_elsewhere = True

    def __init__(
        self,
        learning_rate=2.5e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float | None = 0.01,
        name: str = "ScheduleFreeAdamW",
        **kwargs,
    ):
        if kwargs.get("use_ema"):
            raise ValueError(
                "ScheduleFreeAdamW averages the weights itself; expected use_ema=False, received "
                "True. Leave it out: after fit() the model holds the average."
            )
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _create_iteration_variable(self):
        super()._create_iteration_variable()
        with tf.init_scope():
            self._squared_rates = tf.Variable(0.0, name="squared_rates", trainable=False)
            self._holds_average = tf.Variable(
                0, name="holds_average", dtype=tf.int64, trainable=False
            )
        self._variables += [self._squared_rates, self._holds_average]

    def state_shapes(self, plan):
        """Two accumulators, as of AdamW."""
        return dict.fromkeys(("lead", "second_moment"), plan.shape)

    def inputs(self):
        """Those of the base, and the state that all variables share."""
        return super().inputs() | {
            "squared_rates": tf.convert_to_tensor(self._squared_rates),
            "holds_average": tf.cast(self._holds_average, tf.float32),
        }

    def rule(self, gradient, weight, state, inputs, plan):
        """One step, see the class; the change of z enters x and y through `lead`."""
        b1, b2, lead = self.beta_1, self.beta_2, state["lead"]
        rate = inputs["rate"] * tf.sqrt(1.0 - tf.pow(b2, inputs["step"]))
        fraction = tf.math.divide_no_nan(tf.square(rate), inputs["squared_rates"] + tf.square(rate))
        second_moment = b2 * state["second_moment"] + (1.0 - b2) * tf.square(gradient)
        y = weight + inputs["holds_average"] * (1.0 - b1) * lead
        x = y - (1.0 - b1) * lead
        direction = gradient / (tf.sqrt(second_moment) + self.epsilon) + self.decay(y, plan)
        z_minus_x = lead - rate * direction
        x += fraction * z_minus_x
        lead = (1.0 - fraction) * z_minus_x
        return x + (1.0 - b1) * lead, {"lead": lead, "second_moment": second_moment}

    def _distributed_apply_gradients_fn(self, distribution, grads_and_vars, finite):
        iterations = super()._distributed_apply_gradients_fn(distribution, grads_and_vars, finite)
        # After every variable: all of them read the values of before the step.
        update = functools.partial(distribution.extended.update, group=False)
        update(self._squared_rates, self._add_squared_rate, args=(finite,))
        update(self._holds_average, _clear, args=(finite,))
        return iterations

    def _add_squared_rate(self, variable, finite):
        # `applied_steps` counts this step by now.
        step = tf.cast(self.applied_steps, tf.float32)
        rate = tf.cast(self.learning_rate, tf.float32) * tf.sqrt(1.0 - tf.pow(self.beta_2, step))
        return variable.assign_add(tf.where(finite, tf.square(rate), 0.0))

    @contextlib.contextmanager
    def evaluation_weights(self, variables):
        """The variables hold the average x inside the context and y after it."""
        self._move(variables, holds_average=1)
        try:
            yield
        finally:
            self._move(variables, holds_average=0)

    def finalize_variable_values(self, var_list):
        """Puts the average x into the variables; does nothing when they hold it already."""
        self._move(var_list, holds_average=1)

    def _move(self, var_list, holds_average: int):
        update = self._distribution_strategy.extended.update
        change = tf.cast(self._holds_average.read_value() - holds_average, tf.float32)
        for variable in var_list:
            lead = self._states[self._index_dict[self._var_key(variable)]]["lead"]
            update(variable, self._shift, args=(lead, change))
        update(self._holds_average, lambda flag: flag.assign(holds_average))

    def _shift(self, variable, lead, change):
        moved = tf.cast(variable, tf.float32) + change * (1.0 - self.beta_1) * lead
        return variable.assign(tf.cast(moved, variable.dtype))


def _clear(variable, finite):
    return variable.assign(tf.where(finite, tf.zeros_like(variable), variable))
