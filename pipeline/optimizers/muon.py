"""Muon: orthogonalised momentum for hidden kernels, AdamW for all other variables."""

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf.newton_schulz import orthogonalise
from mnemosyne_tf.variable_plan import matrix_shape
from pipeline.optimizers.base import HandDesignedOptimizer


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class Muon(HandDesignedOptimizer):
    """Momentum orthogonalised by Newton-Schulz, scaled so that AdamW's rates fit it.

        matrices        M <- mu M + g
                        O = NewtonSchulz5(g + mu M)
                        W <- W - rate * (0.2 sqrt(max(fan_in, fan_out)) * O + weight_decay * W)
        all others      AdamW with b1, b2, epsilon, at the same rate

    Which variables are matrices is decided as for Mnemosyne (`variable_plan.matrix_shape`), so
    that a comparison of the two compares the rules alone.

    Args:
        learning_rate: a float or a schedule, as one would set for AdamW.
        momentum: mu.
        beta_1: b1 of AdamW.
        beta_2: b2 of AdamW.
        epsilon: of AdamW.
        weight_decay: decoupled, per unit of rate; None or 0 for none.
        newton_schulz_iterations: iterations of the orthogonalisation.
        **kwargs: those of `GuardedOptimizer`.

    Source: Jordan et al. 2024 (Muon: Nesterov's momentum, Newton-Schulz); Liu et al. 2025
    (arXiv 2502.16982): weight decay and the factor 0.2 sqrt(max), which matches AdamW's RMS.
    Differs: a kernel of rank 3 is one matrix, as `matrix_shape` cuts it; iterated in float32.
    """

    settings = (*HandDesignedOptimizer.settings, "momentum", "newton_schulz_iterations")

    def __init__(
        self,
        learning_rate=1e-3,
        momentum: float = 0.95,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        weight_decay: float | None = 0.1,
        newton_schulz_iterations: int = 5,
        name: str = "Muon",
        **kwargs,
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.momentum = momentum
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.newton_schulz_iterations = newton_schulz_iterations

    def plan(self, variable):
        """As in the base, with the two-dimensional form in which a kernel is orthogonalised."""
        plan = super().plan(variable)
        return plan._replace(
            matrix_shape=matrix_shape(variable.name, plan.shape, self._parameter_roles)
        )

    def state_names(self, plan):
        """A matrix has a momentum alone, half of AdamW's state."""
        return ("momentum",) if plan.matrix_shape else ("momentum", "second_moment")

    def rule(self, gradient, weight, state, inputs, plan):
        """One step, see the class."""
        if plan.matrix_shape:
            direction, state = self._matrix_direction(gradient, state, plan)
        else:
            direction, state = self.adam_direction(gradient, state, inputs["step"])
        return weight - inputs["rate"] * (direction + self.decay(weight, plan)), state

    def _matrix_direction(self, gradient, state, plan):
        momentum = self.momentum * state["momentum"] + gradient
        ahead = tf.reshape(gradient + self.momentum * momentum, [1, *plan.matrix_shape])
        direction = orthogonalise(ahead, iterations=self.newton_schulz_iterations)
        scale = 0.2 * max(plan.matrix_shape) ** 0.5
        return scale * tf.reshape(direction, plan.shape), {"momentum": momentum}
