"""The shape of the step size over a run, as a multiplier in [0, 1]."""

import tensorflow as tf

LATEST_DECAY_START = 0.95  # share of the run: some of it is always left for the decay


def rate_multiplier(
    iteration: tf.Tensor,
    *,
    total_steps: int | None,
    warmup_fraction: tf.Tensor,
    decay_start: tf.Tensor,
    warmup_steps: tf.Tensor,
) -> tf.Tensor:
    """Linear warm-up, a plateau, and linear decay to zero when the length of the run is known.

    With `total_steps` T, W = max(1, warmup_fraction * T) and D = max(W, decay_start * T),
    decay_start at most 0.95, the multiplier of step s (counted from 0) is
    min((s + 1) / W, (T - s) / (T - D), 1), never below 0: a run continued past T stands still.
    Without `total_steps` it is min(1, (s + 1) / warmup_steps), constant after the warm-up.

    Args:
        iteration: float32 `[]`, steps taken before this one.
        total_steps: steps in the run, or None when unknown.
        warmup_fraction: `[]`, share of a known run, in [0, 1).
        decay_start: `[]`, share of a known run after which the decay begins; at once after the
            warm-up where that ends later, as for a negative one.
        warmup_steps: `[]`, steps of warm-up in an unknown run, at least 1.

    Returns:
        float32 `[]`.

    Source: the trapezoid of Zhai et al. 2022 (Scaling vision transformers), "warmup-stable-decay"
    in Hu et al. 2024 (MiniCPM).
    """
    if total_steps is None:
        return tf.minimum(1.0, (iteration + 1.0) / tf.maximum(warmup_steps, 1.0))
    warmup = tf.maximum(1.0, warmup_fraction * total_steps)
    # A run of one step has no room for a decay: the denominator must not reach zero.
    constant = tf.maximum(warmup, tf.minimum(decay_start, LATEST_DECAY_START) * total_steps)
    decay = (total_steps - iteration) / tf.maximum(total_steps - constant, 1.0)
    return tf.clip_by_value(tf.minimum((iteration + 1.0) / warmup, decay), 0.0, 1.0)


def progress(iteration: tf.Tensor, *, total_steps: int | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether the length of the run is known, and which share of it is done.

    Args:
        iteration: float32 `[]`, steps taken before this one.
        total_steps: steps in the run, or None when unknown.

    Returns:
        Two float32 `[]`: 1.0 or 0.0, and a fraction in [0, 1] (0.0 when unknown).
    """
    if total_steps is None:
        return tf.zeros_like(iteration), tf.zeros_like(iteration)
    return tf.ones_like(iteration), tf.clip_by_value(iteration / total_steps, 0.0, 1.0)
