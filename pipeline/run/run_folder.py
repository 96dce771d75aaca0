"""The folder of one pre-training run: its settings, its log, its completion marker.

recipe.yaml  bert_config.json  vocab.txt  run.json  metrics.jsonl  checkpoints/  COMPLETED
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
from collections.abc import Mapping

from pipeline.recipes import loader

# Settings that may change between two starts of one run without changing its result.
_FREE = (
    "name:",
    "glue.",
    "train.checkpoint_every_steps:",
    "train.log_every_steps:",
    "train.steps_per_loop:",
)
_PACKAGES = ("tensorflow", "tf-keras", "numpy")


class RunFolder:
    """Paths and records of one run.

    Args:
      directory: created by `begin` if missing.
      recipe: what is to run. A folder that already holds another run is refused.

    Raises:
      ValueError: the folder holds a run with other settings; every difference is named.
    """

    def __init__(self, directory: str | os.PathLike, recipe: loader.Recipe):
        self.path = pathlib.Path(directory)
        self._refuse_other_settings(recipe)
        self._recipe = recipe

    def begin(self) -> None:
        """Makes the folder and writes the recipe; every check comes before this.

        Raises:
          OSError: the folder cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            loader.save_recipe(self._recipe, self.path / "recipe.yaml")
        except OSError as error:
            raise OSError(
                f"--output must be a folder that can be written, {self.path} cannot: "
                f"{error.strerror}. Name another folder."
            ) from error

    def _refuse_other_settings(self, recipe: loader.Recipe) -> None:
        saved = self.path / "recipe.yaml"
        if not saved.is_file():
            return
        # Through the recipe's own reader: what an older version did not write has its default.
        before = loader.load_recipe(str(saved)).to_dict()
        changed = [
            row for row in loader.differences(before, recipe.to_dict()) if not row.startswith(_FREE)
        ]
        if changed:
            raise ValueError(
                f"{self.path} holds a run with other settings: {'; '.join(changed)}. Use "
                "another --output, or the old settings to continue that run."
            )

    @property
    def checkpoints(self) -> str:
        """Where `tf.train.Checkpoint` files go."""
        return str(self.path / "checkpoints")

    def final_figures(self) -> dict | None:
        """Returns the figures of a finished run, or None."""
        marker = self.path / "COMPLETED"
        return json.loads(marker.read_text(encoding="utf-8")) if marker.is_file() else None

    def run_facts(self) -> dict | None:
        """Returns what `write_run` wrote, or None for a new run."""
        path = self.path / "run.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def write_run(self, facts: Mapping) -> None:
        """Writes `run.json`, what a report needs to know besides the curves."""
        versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
        self._write_json("run.json", {**facts, "versions": versions})

    def complete(self, figures: Mapping) -> None:
        """Writes the completion marker. Nothing is written after it."""
        self._write_json("COMPLETED", figures)

    def append_metrics(self, row: Mapping) -> None:
        """Adds one line to `metrics.jsonl`."""
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def forget_metrics_after(self, step: int) -> None:
        """Drops rows of steps that a killed run logged but did not save."""
        log = self.path / "metrics.jsonl"
        if not log.is_file():
            return
        kept = [
            line
            for line in log.read_text(encoding="utf-8").splitlines(keepends=True)
            if line.endswith("\n") and json.loads(line)["step"] <= step
        ]
        temporary = log.with_suffix(".tmp")
        temporary.write_text("".join(kept), encoding="utf-8")
        os.replace(temporary, log)

    def _write_json(self, name: str, content: Mapping) -> None:
        temporary = self.path / f"{name}.tmp"
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, self.path / name)
