"""The run that another one begins with: its weights alone, or the optimizer's state with them.

It may be a model folder, too, as `mnemosyne import` writes it: its weights alone.

A second phase on longer records takes the weights and its own schedule. The decay phase of a run
with a constant rate (`optimizer.schedule=decay`) takes the optimizer's state and the position in
the data, too: it goes on where the checkpoint stood, as one run with that plateau and that decay
would have. Dropout masks alone are others: they follow from the steps of the run.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping

import tensorflow as tf
import tf_keras as keras

from pipeline.recipes.loader import Recipe, differences
from pipeline.recipes.sections import DECAY, STABLE
from pipeline.run.checkpoints import batches_used, newest_checkpoint, run_of
from pipeline.run.checkpoints.pretrained import say_what_is_new
from pipeline.weights.model_folder import is_model_folder, load_weights, read_model_folder

_EXPECTED = f"optimizer.schedule={DECAY} goes on from a run with optimizer.schedule={STABLE}"
# Of the section `optimizer`, what may differ between a constant phase and its decay.
_OF_THE_PHASE = ("schedule:", "num_warmup_steps:", "warmup_fraction:")


@dataclasses.dataclass(frozen=True)
class InitialRun:
    """What a run begins with.

    Attributes:
      checkpoint: its name without suffix, or a model folder; empty for random weights.
      keeps_optimizer: whether the optimizer's state is taken, too.
      first_step: steps that the optimizer had made there, 0 where its state is not taken.
      first_batch: batches used up there; more than steps where the run went back. 0 as above.
    """

    checkpoint: str = ""
    keeps_optimizer: bool = False
    first_step: int = 0
    first_batch: int = 0

    def to_dict(self) -> dict:
        """Returns what `run.json` keeps, as `initial`."""
        return dataclasses.asdict(self)


def find_initial_run(recipe: Recipe, run_facts: Mapping | None) -> InitialRun:
    """Returns what a run begins with; one that has begun keeps to what it began with.

    Args:
      recipe: `train.initial_run`, a run folder, a checkpoint in it or a model folder; `optimizer`.
      run_facts: `run.json` of the run folder, whose `initial` is what this returned at its first
        start; None for a new run.

    Raises:
      FileNotFoundError: the initial run has no checkpoint, or not the one that is named.
      ValueError: a decay phase that names no run with a constant rate and the same optimizer.
    """
    if run_facts is not None:
        return InitialRun(**run_facts.get("initial", {}))
    path, decays = recipe.train.initial_run, recipe.optimizer.schedule == DECAY
    if not path:
        if decays:
            raise ValueError(
                f"{_EXPECTED}; received none. Pass --set train.initial_run=RUN, its --output "
                "folder, or RUN/checkpoints/ckpt-STEP for another checkpoint than the newest."
            )
        return InitialRun()
    checkpoint = newest_checkpoint(path)
    if not decays:
        return InitialRun(checkpoint)
    _check_constant_phase(recipe, run_of(path))
    return InitialRun(checkpoint, True, _optimizer_steps(checkpoint), batches_used(checkpoint))


def load_initial_run(
    initial: InitialRun, model: keras.Model, optimizer: keras.optimizers.Optimizer
) -> None:
    """Restores the model, and the optimizer if it is to be kept, from the initial checkpoint.

    Args:
      initial: of `find_initial_run`; nothing is done for random weights.
      model: a `BertPretrainer` that has been called once.
      optimizer: built with its variables.
    """
    if not initial.checkpoint:
        return
    if is_model_folder(initial.checkpoint):
        folder = read_model_folder(initial.checkpoint)
        say_what_is_new(initial.checkpoint, load_weights(folder, model, new_heads=True))
        return
    parts = {"model": model} | ({"optimizer": optimizer} if initial.keeps_optimizer else {})
    status = tf.train.Checkpoint(**parts).read(initial.checkpoint)
    status.assert_existing_objects_matched()
    status.expect_partial()


def _check_constant_phase(recipe: Recipe, directory: pathlib.Path) -> None:
    if is_model_folder(directory):
        raise ValueError(
            f"{_EXPECTED}; {directory} is a model folder, which has no optimizer state. Name a run."
        )
    facts = json.loads((directory / "run.json").read_text(encoding="utf-8"))
    began_with = facts["recipe"]["optimizer"]
    if (schedule := began_with.get("schedule")) != STABLE:
        raise ValueError(
            f"{_EXPECTED}; that of {directory} is {schedule}. Name a run with a constant rate."
        )
    changed = differences(began_with, dataclasses.asdict(recipe.optimizer))
    if changed := [row for row in changed if not row.startswith(_OF_THE_PHASE)]:
        raise ValueError(
            f"{_EXPECTED} and the same optimizer; that of {directory} differs in "
            f"{'; '.join(changed)}. Take its settings over."
        )
    precision = facts["recipe"]["train"].get("precision", "float32")
    if recipe.train.precision == "float16" != precision:
        raise ValueError(
            f"train.precision=float16 goes on with the loss scale of a run in float16; {directory} "
            f"trained in {precision}. Pass --set train.precision={precision}."
        )


def _optimizer_steps(checkpoint: str) -> int:
    iterations = tf.Variable(0, dtype=tf.int64, trainable=False)
    optimizer = tf.train.Checkpoint(_iterations=iterations)
    status = tf.train.Checkpoint(optimizer=optimizer).read(checkpoint)
    status.assert_existing_objects_matched()
    status.expect_partial()
    return int(iterations)
