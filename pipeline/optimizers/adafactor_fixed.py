"""Adafactor at a rate that is given: the optimizer of the prompt-tuning paper."""

import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.base import HandDesignedOptimizer


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class AdafactorFixed(HandDesignedOptimizer):
    """Second moments of a matrix as sums over rows and over columns, without a relative step.

        b <- 1 - t^-0.8
        r <- b r + (1 - b) mean over columns of (g^2 + 1e-30)        c <- the same over rows
        D = g / sqrt(r c / mean(r))          of a vector: v <- b v + (1 - b) (g^2 + 1e-30)
        W <- W - rate * (D / max(1, rms(D)) + weight_decay * W)

    Args:
        learning_rate: a float or a schedule; what the root mean square of a step is at most.
        weight_decay: per unit of rate; None or 0 for none.
        decay_exponent: 0.8 above.
        epsilon: 1e-30 above.
        clip_threshold: 1 in max(1, rms(D)).
        **kwargs: those of `GuardedOptimizer`.

    Source: Shazeer and Stern 2018 (arXiv 1804.04235), algorithms 4 and 5 without the scale of the
    parameter; Lester et al. 2021, section 3: rate 0.3, no scale of the parameter, decay 1e-5.
    Differs: Keras's own always takes min(rate, 1 / sqrt(t)) times the scale of the variable, even
    with relative_step=False.
    """

    settings = ("decay_exponent", "epsilon", "clip_threshold")

    def __init__(
        self,
        learning_rate=0.3,
        weight_decay: float | None = None,
        decay_exponent: float = 0.8,
        epsilon: float = 1e-30,
        clip_threshold: float = 1.0,
        name: str = "AdafactorFixed",
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.decay_exponent, self.epsilon = decay_exponent, epsilon
        self.clip_threshold = clip_threshold

    def state_shapes(self, plan):
        """A mean for each row and for each column; of a vector, one for each weight."""
        if len(plan.shape) < 2:
            return {"second_moment": plan.shape}
        return {"rows": plan.shape[:-1], "columns": (*plan.shape[:-2], plan.shape[-1])}

    def rule(self, gradient, weight, state, inputs, plan):
        """One step, see the class."""
        decay = 1.0 - tf.pow(inputs["step"], -self.decay_exponent)
        squares = tf.square(gradient) + self.epsilon
        state = {
            name: decay * before + (1.0 - decay) * _OF_SQUARES[name](squares)
            for name, before in state.items()
        }
        direction = gradient * tf.math.rsqrt(_second_moment(state))
        size = tf.sqrt(tf.reduce_mean(tf.square(direction)))
        direction /= tf.maximum(1.0, size / self.clip_threshold)
        return weight - inputs["rate"] * (direction + self.decay(weight, plan)), state


_OF_SQUARES = {
    "second_moment": lambda squares: squares,
    "rows": lambda squares: tf.reduce_mean(squares, -1),
    "columns": lambda squares: tf.reduce_mean(squares, -2),
}


def _second_moment(state):
    if "second_moment" in state:
        return state["second_moment"]
    rows, columns = state["rows"], state["columns"]
    rows = rows / tf.reduce_mean(rows, -1, keepdims=True)
    return rows[..., tf.newaxis] * columns[..., tf.newaxis, :]
