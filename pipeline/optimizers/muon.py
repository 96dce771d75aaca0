"""Muon and two that build on it: orthogonalised momentum for kernels, AdamW for the rest."""

from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf.adam_direction import of_horizon
from mnemosyne_tf.newton_schulz import orthogonalise
from mnemosyne_tf.variable_plan import matrix_shape
from pipeline.optimizers.base import HandDesignedOptimizer
from pipeline.optimizers.by_role import checked_horizons, checked_rates


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class Muon(HandDesignedOptimizer):
    """Momentum orthogonalised by Newton-Schulz, scaled so that AdamW's rates fit it.

        matrices        M <- mu M + g
                        O = NewtonSchulz5(g + mu M)
                        W <- W - rate * (0.2 sqrt(max(fan_in, fan_out)) * O + weight_decay * W)
        all others      AdamW with b1, b2, epsilon, at adamw_rate times the same rate

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
        adamw_rate: what AdamW's rate is, relative to that of the matrices; None: the same.
        role_rates, role_horizons: of some roles, as `Mnemosyne` has them.
        **kwargs: those of `GuardedOptimizer`.

    Source: Jordan et al. 2024 (Muon: Nesterov's momentum, Newton-Schulz); Liu et al. 2025
    (arXiv 2502.16982): weight decay and the factor 0.2 sqrt(max), which matches AdamW's RMS.
    Differs: a kernel of rank 3 is one matrix, as `matrix_shape` cuts it; iterated in float32.
    """

    settings = (
        *HandDesignedOptimizer.settings,
        *("momentum", "newton_schulz_iterations", "adamw_rate", "role_rates", "role_horizons"),
    )

    def __init__(
        self,
        learning_rate=1e-3,
        momentum: float = 0.95,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        epsilon: float = 1e-8,
        weight_decay: float | None = 0.1,
        newton_schulz_iterations: int = 5,
        adamw_rate: float | None = None,
        role_rates: Mapping[str, float] | None = None,
        role_horizons: Mapping[str, float] | None = None,
        name: str | None = None,
        **kwargs,
    ):
        name = name or type(self).__name__
        super().__init__(learning_rate, weight_decay=weight_decay, name=name, **kwargs)
        self.momentum = momentum
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.newton_schulz_iterations = newton_schulz_iterations
        self.adamw_rate = adamw_rate
        self.role_rates = self._no_dependency(checked_rates(role_rates))
        self.role_horizons = self._no_dependency(checked_horizons(role_horizons))

    def plan(self, variable):
        """As in the base, with the two-dimensional form in which a kernel is orthogonalised."""
        plan, role = super().plan(variable), self.role_of(variable).role
        return plan._replace(
            matrix_shape=matrix_shape(variable.name, plan.shape, self._parameter_roles),
            role_rate=float(self.role_rates.get(role, 1.0)),
            role_horizon=float(self.role_horizons.get(role, 1.0)),
        )

    def state_shapes(self, plan):
        """A matrix has a momentum alone, half of AdamW's state."""
        return {"momentum": plan.shape} if plan.matrix_shape else super().state_shapes(plan)

    def rule(self, gradient, weight, state, inputs, plan):
        """One step, see the class."""
        rate = inputs["rate"] * plan.role_rate
        if plan.matrix_shape:
            direction, state = self.matrix_direction(gradient, state, inputs["step"], plan)
        else:
            step, horizon = inputs["step"], plan.role_horizon
            direction, state = self.adam_direction(gradient, state, step, horizon)
            rate = rate if self.adamw_rate is None else rate * self.adamw_rate
        return weight - rate * (direction + self.decay(weight, plan)), state

    def matrix_direction(self, gradient, state, step, plan):
        """The direction of a matrix, of AdamW's size, and its state; shapes as in `rule`."""
        mu = of_horizon(self.momentum, plan.role_horizon)
        momentum = mu * state["momentum"] + gradient
        moved = self.orthogonalised(gradient + mu * momentum, plan)
        return 0.2 * max(plan.matrix_shape) ** 0.5 * moved, {"momentum": momentum}

    def orthogonalised(self, direction, plan):
        """The nearest matrix with orthogonal rows or columns, in the shape of the variable."""
        matrix = tf.reshape(direction, [1, *plan.matrix_shape])
        moved = orthogonalise(matrix, iterations=self.newton_schulz_iterations)
        return tf.reshape(moved, plan.shape)


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class NorMuon(Muon):
    """Muon whose columns are divided by the root mean square of their past directions.

        V <- b2 V + (1 - b2) mean over fan_in of O^2            one number for each output neuron
        N = O / (sqrt(V) + epsilon)
        W <- W - rate * (0.2 sqrt(fan_in * fan_out) / |N| * N + weight_decay * W)

    M and O are Muon's, and so are the arguments; b2 and epsilon are AdamW's, too.

    Source: Li et al. 2025 (arXiv 2510.05491), algorithm 1: "neuron-wise" rows of a matrix that
    multiplies from the left, which are the columns of a Keras kernel.
    """

    def state_shapes(self, plan):
        """Muon's momentum, and one number for each column of a matrix."""
        extra = {"column_squares": plan.matrix_shape[1:]} if plan.matrix_shape else {}
        return super().state_shapes(plan) | extra

    def matrix_direction(self, gradient, state, step, plan):
        """As in `Muon`, normalised by column."""
        moved, kept = super().matrix_direction(gradient, state, step, plan)
        # Muon's factor: the mean squares here are those of O, as published.
        matrix = tf.reshape(moved, plan.matrix_shape) / (0.2 * max(plan.matrix_shape) ** 0.5)
        b2 = of_horizon(self.beta_2, plan.role_horizon)
        means = tf.reduce_mean(tf.square(matrix), axis=0)
        squares = b2 * state["column_squares"] + (1.0 - b2) * means
        normalised = matrix / (tf.sqrt(squares) + self.epsilon)
        size = 0.2 * float(matrix.shape.num_elements()) ** 0.5
        direction = size * tf.math.divide_no_nan(normalised, tf.norm(normalised))
        return tf.reshape(direction, plan.shape), kept | {"column_squares": squares}


@keras.utils.register_keras_serializable(package="mnemosyne_pipeline")
class MuonSquared(Muon):
    """Muon on Adam's direction: divided by the root of the second moment, then orthogonalised.

        M <- mu M + (1 - mu) g          V <- b2 V + (1 - b2) g^2
        O = NewtonSchulz5(M / (sqrt(V) + epsilon))

    The rest is Muon's, and so are the arguments; b2 and epsilon are AdamW's, too.

    Source: arXiv 2604.09967 (Muon^2). Mnemosyne's built-in rule is of this kind.
    Differs: both moments are corrected for their start from zero, as Adam's.
    """

    def state_shapes(self, plan):
        """Two accumulators, as of AdamW."""
        return dict.fromkeys(("momentum", "second_moment"), plan.shape)

    def matrix_direction(self, gradient, state, step, plan):
        """As in `Muon`, of the normalised momentum."""
        averages = {"beta_1": self.momentum, "horizon": plan.role_horizon}
        kept, divisor = self.adam_moments(gradient, state, step, **averages)
        # Orthogonalising divides by the norm, so the bias of M needs no correction.
        moved = self.orthogonalised(kept["momentum"] / divisor, plan)
        return 0.2 * max(plan.matrix_shape) ** 0.5 * moved, kept
