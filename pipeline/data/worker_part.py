"""Which rows of every global batch one worker reads, and in which pieces.

Every worker reads the same stream of global batches and keeps its own rows, so the stream is the
same for any number of workers and replicas, and a worker never lacks records because there are
fewer files than workers. Files are never dealt out.
"""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class WorkerPart:
    """Rows `begin` to `end` of every global batch, handed on in pieces of `piece` rows.

    Attributes:
      begin, end: rows of this worker; those of all workers lie side by side.
      piece: rows of one replica.
    """

    begin: int
    end: int
    piece: int

    @property
    def num_pieces(self) -> int:
        """Returns how many pieces a global batch gives this worker."""
        return (self.end - self.begin) // self.piece


def whole_batch(global_batch_size: int) -> WorkerPart:
    """Returns the part of a worker that reads everything, in one piece."""
    return WorkerPart(0, global_batch_size, global_batch_size)


def worker_part(context: tf.distribute.InputContext, *, global_batch_size: int) -> WorkerPart:
    """Returns the part of the worker that `context` describes.

    Args:
      context: of `Strategy.distribute_datasets_from_function`.
      global_batch_size: rows of one step, over all workers.

    Raises:
      ValueError: the rows cannot be dealt out evenly.
    """
    replicas = context.num_replicas_in_sync
    if replicas % context.num_input_pipelines:
        raise ValueError(
            f"Each of the {context.num_input_pipelines} workers must have as many replicas, "
            f"received {replicas} in all. Give every worker as many devices."
        )
    if global_batch_size % replicas:
        raise ValueError(
            f"train.global_batch_size must be a multiple of {replicas} replicas, received "
            f"{global_batch_size}. Pass --set train.global_batch_size="
            f"{global_batch_size + -global_batch_size % replicas}."
        )
    rows = global_batch_size // context.num_input_pipelines
    begin = context.input_pipeline_id * rows
    return WorkerPart(begin, begin + rows, global_batch_size // replicas)
