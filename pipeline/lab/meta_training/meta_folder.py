"""The folder of one meta-training: its state, its log, its results.

recipe.yaml  data.json  vocab_*.txt  encoder_*.npz  baselines.json  state.npz  meta_steps.jsonl
checkpoints/  tensorboard/  meta_params.npz  COMPLETED
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from data_prep import storage
from mnemosyne_tf.param_file import ParameterSet
from pipeline.lab.meta_training.evolution.regret import Baseline
from pipeline.lab.meta_training.recipe_file import Recipe, load_meta_recipe, save_meta_recipe
from pipeline.recipes.loader import differences


class MetaFolder:
    """Paths and records of one meta-training.

    Args:
        directory: made if it is not there.
        recipe: what is to run.

    Raises:
        ValueError: the folder holds another meta-training; every difference is named.
    """

    def __init__(self, directory: str | os.PathLike, recipe: Recipe):
        self.path = pathlib.Path(directory)
        saved = self.path / "recipe.yaml"
        if saved.is_file():
            before = dataclasses.asdict(load_meta_recipe(str(saved)))
            rows = differences(before, dataclasses.asdict(recipe))
            # The figures of what is complete are of the recipe as it was.
            free = ("name",) if self.completed() else recipe.FREE
            if changed := [row for row in rows if row.partition(":")[0] not in free]:
                raise ValueError(
                    f"{self.path} holds a meta-training with other settings: "
                    f"{'; '.join(changed)}. Use another --output, or the old settings; to go on "
                    "with more meta-steps, delete COMPLETED."
                )
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "checkpoints").mkdir(exist_ok=True)
        save_meta_recipe(recipe, saved)

    def completed(self) -> dict | None:
        """The final figures, or None while there are none."""
        return self._read_json("COMPLETED")

    def complete(self, meta_params: ParameterSet, figures: Mapping) -> None:
        """Writes the result, then the marker. Nothing is written after it."""
        meta_params.save(self.path / "meta_params.npz")
        self._write_json("COMPLETED", figures)

    def baselines(self) -> dict[str, Baseline]:
        """Swept nominal rules by task, as far as they were run."""
        saved = self._read_json("baselines.json") or {}
        return {name: Baseline(**each) for name, each in saved.items()}

    def save_baselines(self, baselines: Mapping[str, Baseline]) -> None:
        """Keeps what was swept so far."""
        rows = {name: dataclasses.asdict(each) for name, each in baselines.items()}
        self._write_json("baselines.json", rows)

    def state(self) -> dict[str, np.ndarray] | None:
        """Where the meta-training stood when it was last saved; numbers are arrays `[]`."""
        path = self.path / "state.npz"
        if not path.is_file():
            return None
        with np.load(path) as saved:
            return {name: saved[name] for name in saved.files}

    def save_meta_step(self, row: Mapping, state: Mapping[str, Any] | None) -> None:
        """Adds a row to the log, then moves the state: a kill between them leaves a row too many.

        Args:
            row: holds "meta_step", from 1.
            state: after the meta-step; None keeps the old one, and the steps since are repeated
                when the meta-training continues.
        """
        with open(self.path / "meta_steps.jsonl", "a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        if state is None:
            return
        with storage.open_whole(str(self.path / "state.npz")) as file:
            np.savez(file, **state)

    def meta_steps(self) -> list[dict]:
        """The rows of the log."""
        log = (self.path / "meta_steps.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in log.splitlines()]

    def forget_after(self, meta_step: int) -> None:
        """Drops rows of the log beyond the saved state."""
        log = self.path / "meta_steps.jsonl"
        if not log.is_file():
            return
        kept = [
            line
            for line in log.read_text(encoding="utf-8").splitlines(keepends=True)
            if line.endswith("\n") and json.loads(line)["meta_step"] <= meta_step
        ]
        storage.write_whole(str(log), "".join(kept).encode())

    def save_checkpoint(self, meta_params: ParameterSet, meta_step: int) -> None:
        """Keeps the current meta-parameters."""
        meta_params.save(self.path / "checkpoints" / f"meta_params-{meta_step:05d}.npz")

    def _read_json(self, name: str) -> dict | None:
        path = self.path / name
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def _write_json(self, name: str, content: Mapping) -> None:
        text = json.dumps(content, indent=1) + "\n"
        storage.write_whole(str(self.path / name), text.encode())
