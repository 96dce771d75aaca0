"""Gradients of a batch, taken a few sequences at a time and added up.

The loss of a batch is a sum over its sequences whose denominators are known beforehand
(`models.losses`), so the gradients of its micro-batches add up to the gradient of the whole:
memory is that of a micro-batch, and the update that of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from models import losses
from models.batch_losses import Features

# (features, index of their first sequence) -> (gradients, metric sums)
GradientsAndSums = Callable[[Features, tf.Tensor], tuple[list[tf.Tensor], tf.Tensor]]


def num_micro_batches(num_sequences: int, micro_batch_size: int) -> int:
    """Returns into how many micro-batches a device divides its sequences of one step.

    Args:
      num_sequences: the device's part of the global batch.
      micro_batch_size: sequences at a time, 0 for all at once.

    Raises:
      ValueError: the part is not a multiple of the micro-batch.
    """
    if micro_batch_size in (0, num_sequences):
        return 1
    if num_sequences % micro_batch_size:
        at_most = min(micro_batch_size, num_sequences)
        fits = next(size for size in range(at_most, 0, -1) if num_sequences % size == 0)
        raise ValueError(
            f"train.micro_batch_size must divide the {num_sequences} sequences of each device, "
            f"received {micro_batch_size}. Pass --set train.micro_batch_size={fits}, or 0 for all "
            "at once."
        )
    return num_sequences // micro_batch_size


def accumulated(
    gradients_and_sums: GradientsAndSums,
    features: Features,
    first_sequence: tf.Tensor,
    shapes: Sequence[tf.TensorShape],
    num_parts: int,
    num_sums: int = len(losses.METRIC_SUMS),
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Adds the gradients and metric sums of consecutive micro-batches.

    Args:
      gradients_and_sums: of one micro-batch; its losses are divided by the denominators of the
        global batch.
      features: `[batch, ...]` each; `num_parts` divides the batch.
      first_sequence: int32 `[]`, index of the first of these sequences in the global batch.
      shapes: of the gradients.
      num_parts: how many micro-batches.
      num_sums: how many metric sums there are.

    Returns:
      Dense float32 gradients, and float32 `[num_sums]`, of all sequences.
    """
    if num_parts == 1:
        return gradients_and_sums(features, first_sequence)
    size = next(iter(features.values())).shape[0] // num_parts
    parts = {
        name: tf.reshape(tensor, [num_parts, size, *tensor.shape[1:]])
        for name, tensor in features.items()
    }

    def add(index, gradients, sums):
        part = {name: tensor[index] for name, tensor in parts.items()}
        of_part = gradients_and_sums(part, first_sequence + index * size)
        gradients, sums = tf.nest.map_structure(tf.add, (gradients, sums), of_part)
        return index + 1, gradients, sums

    zeros = [tf.zeros(shape) for shape in shapes], tf.zeros([num_sums])
    _, gradients, sums = tf.while_loop(
        lambda index, *_: index < num_parts,
        add,
        (tf.constant(0), *zeros),
        parallel_iterations=1,
        maximum_iterations=num_parts,
    )
    return gradients, sums
