"""What to do when memory or disk is not enough: errors of the machine to sentences for people."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable

import tensorflow as tf

from pipeline.recipes.loader import Recipe

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def with_remedies(story: Callable) -> Callable:
    """Decorates a function of a recipe: where memory or disk runs out, its error says what helps.

    Raises:
      ValueError: memory ran out; the settings that need less are named, the cheapest first.
      OSError: the disk is full.
    """

    @functools.wraps(story)
    def explained(recipe: Recipe, **arguments):
        try:
            return story(recipe, **arguments)
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise ValueError(out_of_memory(recipe, _first_line(error))) from error
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            raise OSError(
                f"{error.filename or 'The disk'}: {error.strerror}. Checkpoints that are finished "
                "are whole: make room and run the same command again to continue."
            ) from error

    return explained


def out_of_memory(recipe: Recipe, what: str) -> str:
    """Returns what happened and what helps, in the order of its cost in time and quality.

    Args:
      recipe: of the run.
      what: TensorFlow's own words.
    """
    train, length = recipe.train, recipe.prepare.max_seq_length
    batch = train.global_batch_size
    at_once = train.micro_batch_size or batch
    remedies = [
        (
            f"train.micro_batch_size={max(1, at_once // 2)}",
            "fewer sequences at a time, the same batch and result",
            at_once > 1,
        ),
        (
            "train.precision=bfloat16",
            "activations of half the bytes",
            train.precision == "float32",
        ),
        (
            "train.recompute=true",
            "activations computed again in the backward pass, a third more time",
            not train.recompute,
        ),
        (f"prepare.max_seq_length={length // 2}", "shorter records, to be prepared", length > 1),
        ("model.size=...", "a smaller model", True),
    ]
    texts = [f"--set {setting} ({what_it_is})" for setting, what_it_is, helps in remedies if helps]
    return (
        f"Memory is not enough for {at_once} sequences of {length} tokens at a time: {what}. What "
        f"helps, the cheapest first: {'; '.join(texts)}."
    )


def _first_line(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return text.strip().splitlines()[0][:300].rstrip(".")
