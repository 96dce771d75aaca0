"""From meta-tokens to the update: step multipliers, FiLM terms, the coordinate-wise network.

Source: FiLM, Perez et al. 2018. Differs: bounded answers, zero before training.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mnemosyne_tf.learned.gradient_features import GradientFeatures

LOG_STEP_BOUND = 2.0


def output_heads(meta_params: Mapping[str, tf.Tensor]) -> tuple[bool, bool]:
    """Whether the step head, and the coordinate-wise network, can change an update.

    A head of zeros answers zero to every input, so that with neither the update needs no
    meta-tokens and no memory: it leaves them out and gives the same weights. Entries whose values
    are unknown while a graph is built count as not zero; a structure may lack them.
    """
    step_head = is_zero(meta_params, "step_head/kernel") and is_zero(meta_params, "step_head/bias")
    return not step_head, not is_zero(meta_params, "network/output")


def is_zero(meta_params: Mapping[str, tf.Tensor], name: str) -> bool:
    """Whether an entry is known to be zero, or is not there."""
    if name not in meta_params:
        return True
    value = tf.get_static_value(meta_params[name])
    return value is not None and not np.any(value)


def read_heads(
    meta_params: Mapping[str, tf.Tensor], meta_tokens: tf.Tensor
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Log step multipliers within [-2, 2] and FiLM terms of each meta-token, each `[num_tokens]`.

    The FiLM terms are 2 * hidden_units: first all scales less 1, then all shifts.
    """
    kernel = tf.concat(
        [meta_params["step_head/kernel"][:, tf.newaxis], meta_params["film_head/kernel"]], axis=1
    )
    bias = tf.concat([meta_params["step_head/bias"][tf.newaxis], meta_params["film_head/bias"]], 0)
    heads = tf.matmul(meta_tokens, kernel) + bias
    log_multipliers, *film = tf.unstack(heads, axis=1)
    return LOG_STEP_BOUND * tf.tanh(log_multipliers), film


def coordinatewise_network(
    meta_params: Mapping[str, tf.Tensor],
    features: GradientFeatures,
    film: Sequence[tf.Tensor],
) -> tf.Tensor:
    """The network's addition to the direction, in [-1, 1].

    Written with scalar weights, unit by unit: the compiler fuses it into one pass over the
    coordinates and nothing of size [num_coords, hidden_units] is made.

    Args:
        meta_params: entries under `network/`.
        features: normalised, each `[stack, *plan.grid]`.
        film: 2 * hidden_units terms from `read_heads`, each broadcasts against a feature.

    Returns:
        `[stack, *plan.grid]`.
    """
    kernel = [tf.unstack(column) for column in tf.unstack(meta_params["network/input"], axis=1)]
    biases = tf.unstack(meta_params["network/bias"])
    outputs = meta_params["network/output"]
    outputs = tf.unstack(outputs / tf.maximum(1.0, tf.reduce_sum(tf.abs(outputs))))
    units = len(outputs)
    addition = 0.0
    for unit in range(units):
        hidden = biases[unit] + sum(k * x for k, x in zip(kernel[unit], features, strict=True))
        addition += outputs[unit] * tf.tanh((1.0 + film[unit]) * hidden + film[units + unit])
    return addition
