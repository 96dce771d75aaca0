"""NAdamW: Adam with Nesterov's momentum and decoupled weight decay."""

import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.base import HandDesignedOptimizer


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class NAdamW(HandDesignedOptimizer):
    """Adam with Nesterov's momentum: the direction is one momentum step ahead.

        m <- b1 m + (1 - b1) g
        v <- b2 v + (1 - b2) g^2
        M = b1 m / (1 - b1^(t+1)) + (1 - b1) g / (1 - b1^t)
        W <- W - rate * (M / (sqrt(v / (1 - b2^t)) + epsilon) + weight_decay * W)

    Args:
        learning_rate: a float or a schedule.
        beta_1: b1.
        beta_2: b2.
        epsilon: added to the root.
        weight_decay: decoupled, per unit of rate; None or 0 for none.
        **kwargs: those of `GuardedOptimizer`.

    Source: Dozat 2016, "Incorporating Nesterov Momentum into Adam", algorithm 2; decay as in
    Loshchilov and Hutter 2019. The baseline of Dahl et al. 2023 (arXiv 2306.07179).
    Differs: b1 is constant, where Dozat also lets it rise, and the second moment has no further
    factor b2. Keras's Nadam is no substitute: it counts updates in Python, so that a compiled step
    keeps the count of the call that traced it.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float | None = 0.01,
        name: str = "NAdamW",
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def rule(self, gradient, weight, state, inputs, plan):
        """One step, see the class."""
        b1, step = self.beta_1, inputs["step"]
        state, divisor = self.adam_moments(gradient, state, step)
        ahead = b1 * state["momentum"] / (1.0 - tf.pow(b1, step + 1.0))
        ahead += (1.0 - b1) * gradient / (1.0 - tf.pow(b1, step))
        direction = ahead / divisor + self.decay(weight, plan)
        return weight - inputs["rate"] * direction, state
