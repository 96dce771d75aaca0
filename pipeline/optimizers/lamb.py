"""LAMB: Adam whose step in every tensor is proportional to the norm of the tensor."""

import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.base import HandDesignedOptimizer


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class LAMB(HandDesignedOptimizer):
    """Layer-wise adaptive moments, designed for BERT with large batches.

        m <- b1 m + (1 - b1) g
        v <- b2 v + (1 - b2) g^2
        D = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon) + weight_decay * W
        W <- W - rate * |W| / |D| * D          the ratio is 1 where |W| or |D| is 0

    Args:
        learning_rate: a float or a schedule; relative to the norm of each tensor.
        beta_1: b1.
        beta_2: b2.
        epsilon: added to the root.
        weight_decay: part of D; None or 0 for none. A variable that is not decayed takes the
            step without the ratio.
        **kwargs: those of `GuardedOptimizer`.

    Source: You et al. 2020 (arXiv 1904.00962), algorithm 2 with phi(z) = z. The authors' code for
    BERT leaves decay and ratio out for the same variables.
    Differs: the paper also clips |W|, with bounds that it does not give.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        weight_decay: float | None = 0.01,
        name: str = "LAMB",
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def plan(self, variable):
        """As in the base, but `decayed` also says whether the ratio applies."""
        plan = super().plan(variable)
        return plan._replace(decayed=self._use_weight_decay(variable))

    def rule(self, gradient, weight, state, inputs, plan):
        """One step, see the class."""
        direction, state = self.adam_direction(gradient, state, inputs["step"])
        if plan.decayed:
            direction += (self.weight_decay or 0.0) * weight
            direction *= _trust_ratio(weight, direction)
        return weight - inputs["rate"] * direction, state


def _trust_ratio(weight: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
    weight_norm, direction_norm = tf.norm(weight), tf.norm(direction)
    defined = tf.logical_and(weight_norm > 0.0, direction_norm > 0.0)
    return tf.where(defined, tf.math.divide_no_nan(weight_norm, direction_norm), 1.0)
