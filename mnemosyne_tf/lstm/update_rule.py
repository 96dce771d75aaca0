"""The update of one variable by an LSTM that sees every coordinate alone, as a pure function.

    log_sign   (log|g| / p, sign g) where |g| >= e^-p, (-1, e^p g) elsewhere, p = 10
    moments    (m / sqrt(v), g / sqrt(v)), embedded by elu(x E + b); m, v bias-corrected
    layer      i, z, f, o = x W + h U + b;  c <- sigmoid(f) c + sigmoid(i) tanh(z)
               h <- sigmoid(o) tanh(c);  two layers
    step       log_sign: scale * (h . w + b); moments: scale * tanh(h . w + b)
    weight     W <- W - learning_rate * (step + weight_decay * W)

As |h| < 1, a step is at most scale * (sum |w| + |b|), and scale with tanh.

Source: Andrychowicz et al. 2016 ("Learning to learn by gradient descent by gradient descent",
preprocessing with p = 10, two layers of 20 units) for log_sign; Lv, Jiang and Li 2017 ("Learning
Gradient Descent: Better Generalization and Longer Horizons", RNNprop) for moments.
Differs: the answer is subtracted, as every step here, where the papers add it (the sign is learned
anyway). The scale is 0.1 for both and is learned; the code published with the first has 0.01, and
p = 5. Weight decay and learning_rate are ours.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf import adam_direction
from mnemosyne_tf.lstm.params import LSTMStructure
from mnemosyne_tf.update_rule import StepInputs

# p of the paper: gradients below e^-10 are seen linearly.
LOG_RANGE = 10.0


class LSTMState(NamedTuple):
    """A weight and what the optimizer keeps for it.

    Attributes:
        weight: any float dtype, the shape of the variable.
        cells: float32 `[num_coords, 4, units]`: h, c of layer 1, h, c of layer 2.
        moments: (momentum, second moment), float32 in the shape of the variable; () without.
    """

    weight: tf.Tensor
    cells: tf.Tensor
    moments: tuple[tf.Tensor, ...]


def log_and_sign(gradient: tf.Tensor) -> tf.Tensor:
    """Two inputs of each coordinate, both within [-1, 1] for gradients of up to e^10.

    Args:
        gradient: `[num_coords]`.

    Returns:
        `[num_coords, 2]`.
    """
    size, smallest = tf.abs(gradient), math.exp(-LOG_RANGE)
    logarithm = tf.math.log(tf.maximum(size, smallest)) / LOG_RANGE
    linear = gradient / smallest
    return tf.stack([logarithm, tf.clip_by_value(linear, -1.0, 1.0)], axis=1)


def lstm_layer(
    meta_params: Mapping[str, tf.Tensor], prefix: str, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """One step of one layer for all coordinates at once.

    Args:
        meta_params: entries `{prefix}/kernel` and `{prefix}/bias`.
        prefix: "layer_1" or "layer_2".
        x: `[num_coords, num_inputs]`.
        h: answer of the step before, `[num_coords, units]`.
        c: cell of the step before, `[num_coords, units]`.

    Returns:
        h and c after.
    """
    gates = tf.matmul(tf.concat([x, h], axis=1), meta_params[f"{prefix}/kernel"])
    i, z, f, o = tf.split(gates + meta_params[f"{prefix}/bias"], 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(z)
    return tf.sigmoid(o) * tf.tanh(c), c


def update(
    meta_params: Mapping[str, tf.Tensor],
    gradient: tf.Tensor,
    state: LSTMState,
    inputs: StepInputs,
    *,
    structure: LSTMStructure,
    weight_decay: float,
) -> LSTMState:
    """One step of one variable; the state comes back unchanged when `inputs.finite` is False.

    Args:
        meta_params: float32 tensors of `structure.shapes()`.
        gradient: any float dtype, shape of the variable.
        state: before the step.
        inputs: scalars of the step.
        structure: static facts of the meta-parameters.
        weight_decay: fraction of the weight taken per unit of learning rate.
    """
    gradient, weight = tf.cast(gradient, tf.float32), tf.cast(state.weight, tf.float32)
    is_bounded, moments = structure.inputs == "moments", state.moments
    if is_bounded:
        x, moments = _moment_inputs(meta_params, gradient, moments, inputs)
    else:
        x = log_and_sign(tf.reshape(gradient, [-1]))
    h1, c1, h2, c2 = tf.unstack(state.cells, axis=1)
    h1, c1 = lstm_layer(meta_params, "layer_1", x, h1, c1)
    h2, c2 = lstm_layer(meta_params, "layer_2", h1, h2, c2)
    answer = tf.linalg.matvec(h2, meta_params["output/kernel"]) + meta_params["output/bias"]
    answer = meta_params["rule/output_scale"] * (tf.tanh(answer) if is_bounded else answer)
    step = tf.reshape(answer, gradient.shape) + weight_decay * weight
    new_weight = tf.cast(weight - inputs.learning_rate * step, state.weight.dtype)
    new_state = LSTMState(new_weight, tf.stack([h1, c1, h2, c2], axis=1), moments)
    return tf.nest.map_structure(
        lambda new, old: tf.where(inputs.finite, new, old), new_state, state
    )


def _moment_inputs(
    meta_params: Mapping[str, tf.Tensor],
    gradient: tf.Tensor,
    moments: tuple[tf.Tensor, ...],
    inputs: StepInputs,
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Embedded inputs `[num_coords, units]`, and the accumulators after."""
    decays = tf.stack([meta_params["rule/momentum_decay"], meta_params["rule/second_moment_decay"]])
    moved = adam_direction.accumulate(gradient, *moments, decays=decays)
    step = tf.cast(inputs.applied_steps, tf.float32) + 1.0
    directions = adam_direction.directions(gradient, *moved, decays=decays, step=step)
    engineered = tf.stack(
        [tf.reshape(directions.momentum, [-1]), tf.reshape(directions.gradient, [-1])], axis=1
    )
    embedded = tf.matmul(engineered, meta_params["embedding/kernel"])
    embedded = tf.nn.elu(embedded + meta_params["embedding/bias"])
    return embedded, moved
