"""The weights of a pre-training run or a model folder, for whoever builds upon them."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from pipeline.run.checkpoints import files, retention
from pipeline.weights.model_folder import is_model_folder, load_weights, read_model_folder

BEST = "best"


def run_of(path: str | os.PathLike) -> pathlib.Path:
    """Returns the run folder of a path as `newest_checkpoint` takes it."""
    path = pathlib.Path(path)
    # A checkpoint is the beginning of some files' names, a run a folder, under whatever parent.
    is_checkpoint = path.parent.name == "checkpoints" and not path.is_dir()
    return path.parent.parent if is_checkpoint else path


def load_pretrained_encoder(encoder: keras.layers.Layer, directory: str | os.PathLike) -> str:
    """Restores the encoder's weights from the newest checkpoint of a run, or a model folder.

    Args:
      encoder: a `BertEncoder` that has been called once, so that its variables exist.
      directory: a run folder, a checkpoint or a model folder, see `newest_checkpoint`.

    Returns:
      The name of the checkpoint, which ends with its step: `.../ckpt-400`; or the model folder.

    Raises:
      FileNotFoundError: the folder has no checkpoint.
      ValueError: the encoder of the model folder has other sizes.
    """
    newest = newest_checkpoint(directory)
    if is_model_folder(newest):
        kept = load_weights(read_model_folder(newest), encoder)
        say_what_is_new(newest, kept)
        return newest
    _restore_weights(newest, tf.train.Checkpoint(encoder=encoder))
    return newest


def load_pretrained_model(
    model: keras.Model, directory: str | os.PathLike, *, new_heads: bool = False
) -> tuple[str, ...]:
    """Restores encoder and heads, but neither optimizer nor step, from a run or a model folder.

    Args:
      model: a `BertPretrainer` that has been called once.
      directory: a run folder, a checkpoint or a model folder, see `newest_checkpoint`.
      new_heads: whether a head that a model folder lacks may keep its initial values.

    Returns:
      The paths of the variables that keep their initial values; none of a run.

    Raises:
      FileNotFoundError: the folder has no checkpoint.
      ValueError: the model folder has other sizes, or lacks a head.
    """
    newest = newest_checkpoint(directory)
    if is_model_folder(newest):
        return load_weights(read_model_folder(newest), model, new_heads=new_heads)
    _restore_weights(newest, model)
    return ()


def say_what_is_new(folder: str | os.PathLike, kept: Sequence[str]) -> None:
    """Prints a line on the variables that a model folder has no weights for, if there are any."""
    if kept:
        parts = sorted({os.path.dirname(path) for path in kept})
        print(f"{folder} has no weights of {', '.join(parts)}: they begin at random", flush=True)


def _restore_weights(checkpoint: str, model: tf.train.Checkpoint | keras.Model) -> None:
    status = tf.train.Checkpoint(model=model).read(checkpoint)
    status.assert_existing_objects_matched()
    status.expect_partial()


def newest_checkpoint(path: str | os.PathLike) -> str:
    """Returns TensorFlow's name of a whole checkpoint, or the path of a model folder as it is.

    Args:
      path: a run folder, which means its newest whole checkpoint; or one checkpoint of it,
        `RUN/checkpoints/ckpt-400`, or `RUN/checkpoints/best`, that of the lowest held-out loss; or
        a model folder, as `mnemosyne import` writes it.

    Raises:
      FileNotFoundError: there is none.
      UnusableCheckpoint: the one that is named was not finished or is damaged, or all are.
    """
    if is_model_folder(path):
        return os.fspath(path)
    run, path = run_of(path), pathlib.Path(path)
    directory = os.fspath(run / "checkpoints")
    state = files.newest_whole(directory) if run == path else _named(directory, path.name)
    if state is None:
        raise FileNotFoundError(
            f"{run} has no checkpoint under checkpoints/. Expected the --output folder of "
            "'mnemosyne pretrain', or a model folder of 'mnemosyne import'."
        )
    return files.path_of(directory, state.step)


def batches_used(checkpoint: str) -> int:
    """Returns the data position of a checkpoint, as `newest_checkpoint` names it.

    Raises:
      UnusableCheckpoint: it is not whole.
    """
    directory, name = os.path.split(checkpoint)
    return files.read_state(directory, int(name.removeprefix("ckpt-"))).batches_used


def _named(directory: str, name: str) -> files.SavedState | None:
    finished = files.all_finished(directory)
    if name == BEST:
        chosen = retention.best(finished)
        if chosen is None and finished:
            raise FileNotFoundError(
                f"No checkpoint under {directory} has a held-out loss. Name the run folder for the "
                "newest one."
            )
    else:
        chosen = next((state for state in finished if f"ckpt-{state.step}" == name), None)
        if chosen is None and finished:
            steps = ", ".join(f"ckpt-{state.step}" for state in finished)
            raise FileNotFoundError(f"{directory} has {steps} and {BEST}, received {name}.")
    return files.read_state(directory, chosen.step) if chosen else None


def find_vocab(directory: str | os.PathLike) -> str:
    """Returns the path of the vocabulary of a run folder.

    Raises:
      FileNotFoundError: there is none.
    """
    path = os.path.join(directory, "vocab.txt")
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"{directory} has no vocab.txt. Expected the --output folder of 'mnemosyne pretrain'."
        )
    return path
