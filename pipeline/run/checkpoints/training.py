"""What a checkpoint of training holds, saving it and going on from it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence

import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers.base import evaluation_weights, trains_elsewhere
from pipeline.run.checkpoints import files, retention
from pipeline.run.checkpoints.files import SavedState
from pipeline.run.loss_guard import LossGuard, num_skipped


class TrainingCheckpoint:
    """Model, optimizer, step, data position and seconds trained so far.

    The data order is a function of (seed, batches used), the dropout masks one of (seed, step), so
    nothing else is needed to continue bit for bit. The weights that are saved are those to
    evaluate; of an optimizer that trains at others, these are saved too.

    Args:
      directory: where checkpoints are kept: the newest, the last and the best.
      model: built.
      optimizer: built; with unbuilt variables a restore would be partial.
      step: int64 scalar variable.
      keep: how many of the newest stay, of those at multiples of `every_steps`.
      every_steps: steps between two scheduled checkpoints.
      window_steps: `roll_back` may go back to the last multiple of so many steps, and the scheduled
        checkpoint before it stays; 0 where nobody goes back.
      settings: the recipe, for whoever finds the checkpoint.
      vocabulary_sha256: of the run's vocabulary; with another a checkpoint is refused.
      guard: what it has seen of the loss is saved and restored.
    """

    def __init__(
        self,
        directory: str,
        *,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        step: tf.Variable,
        keep: int = 2,
        every_steps: int = 1,
        window_steps: int = 0,
        settings: dict | None = None,
        vocabulary_sha256: str = "",
        guard: LossGuard | None = None,
    ):
        self.step = step
        self.batches_used = 0
        self.seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self.saved: SavedState | None = None
        self._directory = directory
        self._model, self._optimizer = model, optimizer
        self._keep, self._every_steps, self._window_steps = keep, every_steps, window_steps
        self._settings, self._vocabulary_sha256 = settings or {}, vocabulary_sha256
        self._guard = guard

    @property
    def steps_done(self) -> int:
        """Steps made so far; a mirrored variable does not convert by itself."""
        return int(self.step.numpy())

    @property
    def skipped_steps(self) -> int:
        """Steps that an optimizer with a guard left out because a gradient was not finite."""
        return num_skipped(self._optimizer)

    def figures(self) -> dict:
        """Returns what was done so far: `step`, `seconds` of training, `skipped_steps`."""
        return {
            "step": self.steps_done,
            "seconds": float(self.seconds),
            "skipped_steps": self.skipped_steps,
        }

    def restore(self) -> bool:
        """Loads the newest whole checkpoint; returns whether there was one.

        Raises:
          DamagedCheckpoint: there were finished checkpoints, but none is whole any more.
          ValueError: the checkpoint belongs to another vocabulary.
        """
        state = files.newest_whole(self._directory)
        if state is None:
            return False
        self._load(state)
        files.forget_after(self._directory, state.step)  # Damaged: else they count as the newest.
        return True

    def roll_back(self, step: int) -> bool:
        """Goes back to the newest scheduled checkpoint at or before `step`; False without any.

        The data position stays, so that other batches follow. Later checkpoints are removed: they
        belong to what is undone.
        """
        target = self._newest_scheduled(step)
        if target is None:
            return False
        batches_used = self.batches_used
        self._load(target)
        self.batches_used = batches_used
        files.forget_after(self._directory, target.step)
        return True

    def _newest_scheduled(self, step: int) -> SavedState | None:
        for state in files.all_finished(self._directory):
            if state.scheduled and state.step <= step:
                with contextlib.suppress(files.UnusableCheckpoint):
                    return files.read_state(self._directory, state.step)
        return None

    def save(self, heldout_loss: float | None = None) -> None:
        """Writes the current state, then removes what need not stay.

        Args:
          heldout_loss: of these weights; None if they were not evaluated. A step that is saved
            already is not written again, its held-out loss is added.

        Raises:
          OSError: it could not be written; what was whole before is whole still.
        """
        step = self.steps_done
        if self.saved and self.saved.step == step and heldout_loss is None:
            return
        state = SavedState(
            step=step,
            batches_used=self.batches_used,
            scheduled=step % self._every_steps == 0,
            heldout_loss=heldout_loss,
            settings=self._settings,
            vocabulary_sha256=self._vocabulary_sha256,
            guard=self._guard.state() if self._guard else {},
        )
        try:
            self._write(state)
        except (OSError, tf.errors.OpError) as error:
            raise OSError(self._not_written(step, error)) from error
        self.saved = state
        self._remove_what_need_not_stay()

    def evaluated(self, heldout_loss: float) -> None:
        """Takes the held-out loss of the current weights; saves them if it is the lowest so far."""
        best = retention.best(files.all_finished(self._directory))
        is_saved = self.saved is not None and self.saved.step == self.steps_done
        if is_saved or best is None or heldout_loss < best.heldout_loss:
            self.save(heldout_loss)

    def _write(self, state: SavedState) -> None:
        variables = self._model.trainable_variables
        trained_at = _copies(variables) if trains_elsewhere(self._optimizer) else []
        if not (self.saved and self.saved.step == state.step):
            with evaluation_weights(self._optimizer, variables), self._none_or_whole(state.step):
                files.forget(self._directory, state.step)
                path = files.path_of(self._directory, state.step)
                self._tracked(trained_at).write(path)
                files.seal(self._directory, state)
        else:
            files.seal(self._directory, state)

    @contextlib.contextmanager
    def _none_or_whole(self, step: int) -> Iterator[None]:
        """What could not be written inside is removed: it would take the room of the next try."""
        try:
            yield
        except (OSError, tf.errors.OpError):
            with contextlib.suppress(OSError):
                files.forget(self._directory, step)
            raise

    def _remove_what_need_not_stay(self) -> None:
        finished = files.all_finished(self._directory)
        steps = retention.steps_to_keep(finished, self._keep, self._window_steps)
        try:
            files.keep_only(self._directory, steps)
        except OSError as error:  # The next save tries again.
            print(f"\ncheckpoints: an old one could not be removed: {error}", file=sys.stderr)

    def _load(self, state: SavedState) -> None:
        expected = self._vocabulary_sha256 or state.vocabulary_sha256
        if state.vocabulary_sha256 and state.vocabulary_sha256 != expected:
            raise ValueError(
                f"ckpt-{state.step} was trained with a vocabulary of SHA-256 "
                f"{state.vocabulary_sha256[:12]}, this run's is {self._vocabulary_sha256[:12]}. "
                "Pass the --data that the run began with, or a new --output."
            )
        path = files.path_of(self._directory, state.step)
        saved_names = tf.train.load_checkpoint(path).get_variable_to_shape_map()
        has_trained_at = any(name.startswith("trained_at/") for name in saved_names)
        trained_at = _copies(self._model.trainable_variables) if has_trained_at else []
        with self._held_for_evaluation():
            status = self._tracked(trained_at).read(path)
            if self._counts_what_was_not_saved(saved_names):
                status.expect_partial()
                self._optimizer.applied_steps.assign(self._optimizer.iterations)
            else:
                status.assert_existing_objects_matched()
        for variable, value in zip(self._model.trainable_variables, trained_at, strict=False):
            variable.assign(value)
        self.batches_used, self.saved = state.batches_used, state
        if self._guard:
            self._guard.set_state(state.guard)

    def _tracked(self, trained_at: Sequence[tf.Variable]) -> tf.train.Checkpoint:
        parts = {"trained_at": list(trained_at)} if trained_at else {}
        return tf.train.Checkpoint(
            model=self._model,
            optimizer=self._optimizer,
            step=self.step,
            seconds=self.seconds,
            **parts,
        )

    def _held_for_evaluation(self) -> contextlib.AbstractContextManager:
        """What `save` wrote are the weights to evaluate; training goes on from its own."""
        if not trains_elsewhere(self._optimizer):
            return contextlib.nullcontext()
        return self._optimizer.evaluation_weights(self._model.trainable_variables)

    def _counts_what_was_not_saved(self, saved_names: Iterable[str]) -> bool:
        """Whether this is a run of a release in which Keras's optimizers did not count."""
        counts = hasattr(self._optimizer, "applied_steps")
        return counts and not any("/_applied_steps/" in name for name in saved_names)

    def _not_written(self, step: int, error: Exception) -> str:
        reason = str(error)
        for known in ("No space left on device", "Disk quota exceeded"):  # without all around it
            reason = known if known in reason else reason
        finished = files.all_finished(self._directory)
        newest = f"ckpt-{finished[0].step} is whole" if finished else "There is no other checkpoint"
        return (
            f"The checkpoint of step {step} could not be written to {self._directory}: "
            f"{reason.splitlines()[0]}. {newest}; make room and run the same command again."
        )


def _copies(variables: Sequence[tf.Variable]) -> list[tf.Variable]:
    with tf.device("CPU:0"):
        return [tf.Variable(tf.identity(variable), trainable=False) for variable in variables]
