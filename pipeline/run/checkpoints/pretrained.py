"""What a checkpoint holds, saving it, and taking the encoder out of it."""

from __future__ import annotations

import os

import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.base import evaluation_weights

_KEPT = 2


class TrainingCheckpoint:
    """Model, optimizer, step and seconds trained so far, as one `tf.train.Checkpoint`.

    The data order and the dropout masks are functions of (seed, step), so nothing else is
    needed to continue bit for bit. The weights that are saved are those to evaluate; see
    `pipeline.optimizers.base.evaluation_weights`.

    Args:
      directory: where checkpoints are kept, the newest two.
      model: built.
      optimizer: built; with unbuilt variables a restore would be partial.
      step: int64 scalar variable.
    """

    def __init__(
        self,
        directory: str,
        *,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        step: tf.Variable,
    ):
        self.step = step
        self._model, self._optimizer = model, optimizer
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        checkpoint = tf.train.Checkpoint(
            model=model, optimizer=optimizer, step=step, seconds=self.seconds
        )
        self._checkpoint = checkpoint
        self._manager = tf.train.CheckpointManager(checkpoint, directory, max_to_keep=_KEPT)

    @property
    def steps_done(self) -> int:
        """Steps made so far; a mirrored variable does not convert by itself."""
        return int(self.step.numpy())

    @property
    def skipped_steps(self) -> int:
        """Steps that an optimizer with a guard left out because a gradient was not finite."""
        skipped = getattr(self._optimizer, "skipped_steps", None)
        return 0 if skipped is None else int(skipped.numpy())

    def figures(self) -> dict:
        """Returns what was done so far: `step`, `seconds` of training, `skipped_steps`."""
        return {
            "step": self.steps_done,
            "seconds": float(self.seconds),
            "skipped_steps": self.skipped_steps,
        }

    def restore(self) -> bool:
        """Loads the newest checkpoint; returns whether there was one."""
        if not self._manager.latest_checkpoint:
            return False
        # What `save` wrote are the weights to evaluate; training goes on from its own.
        with evaluation_weights(self._optimizer, self._model.trainable_variables):
            status = self._checkpoint.restore(self._manager.latest_checkpoint)
            status.assert_existing_objects_matched()
        return True

    def save(self) -> None:
        """Writes the current state; TensorFlow names it as newest only when it is whole."""
        with evaluation_weights(self._optimizer, self._model.trainable_variables):
            self._manager.save(checkpoint_number=self.step)


def load_pretrained_encoder(encoder: keras.layers.Layer, directory: str | os.PathLike) -> str:
    """Restores the encoder's weights from the newest checkpoint of a pre-training run.

    Args:
      encoder: a `BertEncoder` that has been called once, so that its variables exist.
      directory: the run folder.

    Returns:
      The name of the checkpoint, which ends with its step: `.../ckpt-400`.

    Raises:
      FileNotFoundError: the folder has no checkpoint.
    """
    newest = newest_checkpoint(directory)
    _restore_weights(newest, tf.train.Checkpoint(encoder=encoder))
    return newest


def load_pretrained_model(model: keras.Model, directory: str | os.PathLike) -> None:
    """Restores encoder and heads, but neither optimizer nor step, from a pre-training run.

    Args:
      model: a `BertPretrainer` that has been called once.
      directory: the run folder.

    Raises:
      FileNotFoundError: the folder has no checkpoint.
    """
    _restore_weights(newest_checkpoint(directory), model)


def _restore_weights(checkpoint: str, model: tf.train.Checkpoint | keras.Model) -> None:
    status = tf.train.Checkpoint(model=model).restore(checkpoint)
    status.assert_existing_objects_matched()
    status.expect_partial()


def newest_checkpoint(directory: str | os.PathLike) -> str:
    """Returns the name of a run's newest checkpoint.

    Raises:
      FileNotFoundError: there is none.
    """
    newest = tf.train.latest_checkpoint(os.path.join(directory, "checkpoints"))
    if newest is None:
        raise FileNotFoundError(
            f"{directory} has no checkpoint under checkpoints/. Expected the --output folder of "
            "'mnemosyne pretrain'."
        )
    return newest


def find_vocab(directory: str | os.PathLike) -> str:
    """Returns the path of a run's vocabulary.

    Raises:
      FileNotFoundError: there is none.
    """
    path = os.path.join(directory, "vocab.txt")
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"{directory} has no vocab.txt. Expected the --output folder of 'mnemosyne pretrain'."
        )
    return path
