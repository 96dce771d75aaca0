"""Scores each new checkpoint of a run until the run is complete; called again, it continues."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from data_prep import storage
from pipeline.glue.results.folder import COMPLETED_FILE
from pipeline.glue.watch.scores_by_step import save_scores, step_folder
from pipeline.recipes.loader import differences
from pipeline.run.checkpoints import files
from pipeline.weights.json_file import read_json, write_json
from pipeline.weights.model_folder import is_model_folder

_COMPLETED = "COMPLETED"
_SETTINGS_FILE = "watch.json"


def watch(
    run: str,
    output: str,
    score: Callable[[str, str], int],
    *,
    settings: Mapping[str, Any],
    interval: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Scores checkpoints, the newest first; returns 0, or 1 when fine-tuning diverged.

    The newest first: the run deletes old ones, and what is new is what is asked for.

    Args:
      run: Folder of a pre-training run, which may still be training.
      output: Folder for `step-N/`, a folder of scores for each checkpoint, and for
        `scores_by_step.json`, `.md` and `.png`.
      score: `score(checkpoint, output)` fine-tunes the tasks and returns 0, or 1 if one diverged.
      settings: What must not change between two calls, as JSON values.
      interval: Seconds between two checks for a new checkpoint.
      sleep: Waits for so many seconds.

    Raises:
      FileNotFoundError: If there is no run.
      ValueError: If it is no run but a model, or the output folder holds scores of other settings.
    """
    if is_model_folder(run):
        raise ValueError(
            f"--watch: expected --checkpoint to be a pre-training run, received the model folder "
            f"{run}, which gets no new checkpoints; leave --watch out"
        )
    if not os.path.isfile(os.path.join(run, "bert_config.json")):
        raise FileNotFoundError(
            f"--watch: expected --checkpoint to be the --output of a `mnemosyne pretrain` that has "
            f"begun, received {run}, which has no bert_config.json"
        )
    _keep_settings(output, settings)
    diverged: set[int] = set()
    while True:
        is_complete = os.path.isfile(os.path.join(run, _COMPLETED))  # before the list of steps
        step = _next_step(run, output, diverged)
        if step is not None:
            if _score_step(run, output, step, score) == 1:
                diverged.add(step)
            save_scores(output, run)
        elif is_complete:
            break
        else:
            print(f"watching {run}: next look in {interval:g} s", flush=True)
            sleep(interval)
    print(save_scores(output, run))
    if diverged:
        print(f"diverged at step {', '.join(map(str, sorted(diverged)))}; run again to try anew")
    return 1 if diverged else 0


def _next_step(run: str, output: str, diverged: set[int]) -> int | None:
    """The newest checkpoint without finished scores, or None."""
    for state in files.all_finished(os.path.join(run, "checkpoints")):
        is_scored = os.path.isfile(os.path.join(step_folder(output, state.step), COMPLETED_FILE))
        if not is_scored and state.step not in diverged:
            return state.step
    return None


def _score_step(run: str, output: str, step: int, score: Callable[[str, str], int]) -> int:
    directory = os.path.join(run, "checkpoints")
    try:
        return score(files.path_of(directory, step), step_folder(output, step))
    except (OSError, tf.errors.NotFoundError):
        if step in files.saved_steps(directory):
            raise
        print(f"step {step:,}: the run removed this checkpoint before it was read", flush=True)
        return 0


def _keep_settings(output: str, settings: Mapping[str, Any]) -> None:
    path = os.path.join(output, _SETTINGS_FILE)
    if os.path.isfile(path):
        if changed := differences(read_json(path), dict(settings)):
            raise ValueError(
                f"{output} holds scores of other settings: {'; '.join(changed)}. Give another "
                "--output, or the old settings"
            )
        return
    storage.make_folder(output)
    write_json(path, dict(settings))
