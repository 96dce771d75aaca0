"""The learned correction of Adam's direction: stage 3 of an update.

Features of gradient, momentum and weight are pooled and encoded into meta-tokens; a compact
associative memory adds what the meta-tokens remember; from these the heads read a log step
multiplier of each chunk and the terms of a small coordinate-wise network, whose answer is added to
the direction. With heads of zeros none of it is computed and the direction is Adam's.
"""

from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf

from mnemosyne_tf.adam_direction import Directions, bounded, inverse_rms
from mnemosyne_tf.learned import encoder, gradient_features
from mnemosyne_tf.learned.heads import coordinatewise_network, output_heads, read_heads
from mnemosyne_tf.learned.memory import remember
from mnemosyne_tf.structure import Structure
from mnemosyne_tf.sums import row_sums
from mnemosyne_tf.variable_plan import VariablePlan


class Corrected(NamedTuple):
    """A direction after its correction.

    Attributes:
        direction: `[stack, *shape]`. On the elementwise path it is multiplied already.
        log_multiplier: mean over the chunks, `[stack]` or `[1]`. A matrix must still be multiplied
            by its exponential, because the orthogonalisation would undo it.
        memory: after the step.
    """

    direction: tf.Tensor
    log_multiplier: tf.Tensor
    memory: tf.Tensor | tuple[()]


def correct(
    meta_params: Mapping[str, tf.Tensor],
    directions: Directions,
    weight: tf.Tensor,
    memory: tf.Tensor | tuple[()],
    progress: tuple[tf.Tensor, tf.Tensor],
    *,
    plan: VariablePlan,
    structure: Structure,
) -> Corrected:
    """Corrects the directions of a stack of variables, none of which sees another.

    Args:
        meta_params: float32 tensors of `structure.shapes()`.
        directions: Adam's, each `[stack, *shape]`.
        weight: float32, same shape.
        memory: float32 `[stack, *structure.memory_shape]` by chunk; () without a memory.
        progress: whether the length of the run is known, and the fraction done, each `[]`.
        plan: static facts of the variables.
        structure: static facts of the meta-parameters.
    """
    is_matrix = plan.matrix_shape is not None
    step_head, network = output_heads(meta_params)
    network = network and (structure.network_on_matrices or not is_matrix)
    if not (step_head or network):
        return Corrected(_nominal(directions, plan, structure), tf.zeros([1]), memory)
    features = gradient_features.raw_features(directions, weight, plan)
    pooled = gradient_features.pool(features, plan=plan, progress=progress)
    meta_tokens = encoder.encode(meta_params, features, pooled, plan=plan, structure=structure)
    # Memory and heads know no variables, only meta-tokens.
    meta_tokens = tf.reshape(meta_tokens, [-1, structure.width])
    if structure.use_memory:
        projection = encoder.projection(structure, "memory")
        slots = tf.reshape(memory, [-1, *memory.shape[-2:]])
        meta_tokens, slots = remember(meta_params, meta_tokens, slots, projection=projection)
        memory = tf.reshape(slots, memory.shape)
    log_multipliers, film = read_heads(meta_params, meta_tokens)
    log_multipliers = tf.reshape(log_multipliers, [-1, plan.num_chunks])
    if structure.nominal_direction:
        chunks = features.momentum
        if network or not is_matrix:
            chunks = bounded(chunks, pooled.factors.momentum)
    else:
        chunks = tf.zeros_like(features.momentum)
    if network:
        terms = [tf.reshape(term, [-1, *plan.chunk_grid]) for term in film]
        normalised = gradient_features.normalise(features, pooled.factors)
        chunks += coordinatewise_network(meta_params, normalised, terms)
    if not is_matrix:
        chunks *= tf.exp(tf.reshape(log_multipliers, [-1, *plan.chunk_grid]))
    direction = gradient_features.from_chunks(chunks, plan)
    return Corrected(direction, row_sums(log_multipliers)[:, 0] / float(plan.num_chunks), memory)


def _nominal(directions: Directions, plan: VariablePlan, structure: Structure) -> tf.Tensor:
    """The direction where the heads are zero."""
    if not structure.nominal_direction:
        return tf.zeros_like(directions.momentum)
    if plan.matrix_shape is not None:  # Newton-Schulz divides by the norm.
        return directions.momentum
    return bounded(directions.momentum, inverse_rms(directions.momentum, plan))
