"""The folder of one pre-training run: its settings, its log, its completion marker.

recipe.yaml  bert_config.json  vocab.txt  run.json  metrics.jsonl  checkpoints/  COMPLETED

A T5 has config.json and model.safetensors in place of bert_config.json, written at the end.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
from collections.abc import Mapping

from data_prep import storage
from pipeline.recipes import loader

# Settings that may change between two starts of one run without changing its result; that of
# another division of the batch is the same but for rounding.
_FREE = (
    "name:",
    "glue.",
    "train.strategy:",
    "train.micro_batch_size:",
    "train.recompute:",
    "train.checkpoint_every_steps:",
    "train.log_every_steps:",
    "train.steps_per_loop:",
    "train.tensorboard:",
    "train.log_step_sizes:",
    "train.keep_checkpoints:",
    "train.max_skipped_steps:",
)
# May grow: the run is then continued, with the schedule of the new length.
_LENGTH = "train.num_train_steps:"
_PACKAGES = ("tensorflow", "tf-keras", "numpy")


class RunFolder:
    """Paths and records of one run.

    Args:
      directory: created by `begin` if missing.
      recipe: what is to run. A folder that already holds another run is refused.

    Raises:
      ValueError: the folder holds a run with other settings; every difference is named. More
        `train.num_train_steps` is no such difference.
    """

    def __init__(self, directory: str | os.PathLike, recipe: loader.Recipe):
        self.path = pathlib.Path(directory)
        self._refuse_other_settings(recipe)
        self._recipe = recipe

    def begin(self) -> None:
        """Makes the folder and writes the recipe; every check comes before this.

        A run that is lengthened is unfinished from here on.

        Raises:
          OSError: the folder cannot be made or written.
        """
        try:
            storage.make_folder(str(self.path))
            storage.remove(str(self.path / "COMPLETED"), missing_ok=True)
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
        before = loader.load_recipe(str(saved))
        steps, before_steps = (each.train.num_train_steps for each in (recipe, before))
        free = (*_FREE, _LENGTH) if steps > before_steps else _FREE
        changed = [
            row
            for row in loader.differences(before.to_dict(), recipe.to_dict())
            if not row.startswith(free)
        ]
        if changed:
            remedy = "Use another --output, or the old settings to continue that run."
            if steps < before_steps:
                remedy += (
                    " A run can be made longer, not shorter: its own length is "
                    f"--set {_LENGTH.rstrip(':')}={before_steps}."
                )
            raise ValueError(
                f"{self.path} holds a run with other settings: {'; '.join(changed)}. {remedy}"
            )

    @property
    def checkpoints(self) -> str:
        """Where `tf.train.Checkpoint` files go."""
        return str(self.path / "checkpoints")

    def final_figures(self) -> dict | None:
        """Returns the figures of a finished run, or None; also of one that is to be lengthened."""
        marker = self.path / "COMPLETED"
        if not marker.is_file():
            return None
        figures = json.loads(marker.read_text(encoding="utf-8"))
        return figures if figures["step"] >= self._recipe.train.num_train_steps else None

    def run_facts(self) -> dict | None:
        """Returns what `write_run` wrote, or None for a new run."""
        path = self.path / "run.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def keep_vocabulary(self, vocab_file: str) -> None:
        """Writes the vocabulary that the model was trained with."""
        storage.write_whole(self.path / "vocab.txt", storage.read_whole(vocab_file))

    def write_run(self, facts: Mapping, steps_done: int = 0) -> None:
        """Writes `run.json`, what a report needs to know besides the curves.

        Args:
          facts: `recipe` and more. `versions` is added, and `lengthened`: for each time that
            `train.num_train_steps` was raised, `at_step` and the lengths `before` and `now`. What
            `note_rollback` wrote is kept.
          steps_done: steps made before this start.
        """
        versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
        lengthened = self._lengthened(facts, steps_done)
        earlier = self.run_facts() or {}
        kept = {key: earlier[key] for key in ("rolled_back",) if key in earlier}
        self._write_json(
            "run.json", {**facts, "versions": versions, "lengthened": lengthened, **kept}
        )

    def _lengthened(self, facts: Mapping, steps_done: int) -> list[dict]:
        if (earlier := self.run_facts()) is None:
            return []
        before, now = (each["recipe"]["train"]["num_train_steps"] for each in (earlier, facts))
        lengthened = earlier.get("lengthened", [])
        if before == now:
            return lengthened
        return [*lengthened, {"at_step": steps_done, "before": before, "now": now}]

    def note_rollback(self, rollback: Mapping) -> None:
        """Adds to `rolled_back` of `run.json`, once: a run that is killed may repeat it."""
        facts = self.run_facts()
        others = [each for each in facts.get("rolled_back", []) if each != rollback]
        self._write_json("run.json", {**facts, "rolled_back": [*others, dict(rollback)]})

    def complete(self, figures: Mapping) -> None:
        """Writes the completion marker. Nothing is written after it."""
        self._write_json("COMPLETED", figures)

    def append_metrics(self, row: Mapping) -> None:
        """Adds one line to `metrics.jsonl`."""
        with open(self.path / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def was_evaluated(self, step: int) -> bool:
        """Says whether `metrics.jsonl` has the held-out figures of a step."""
        log = self.path / "metrics.jsonl"
        if not log.is_file():
            return False
        rows = map(json.loads, log.read_text(encoding="utf-8").splitlines())
        return any(row["step"] == step and row.get("split") == "heldout" for row in rows)

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
        storage.write_whole(log, "".join(kept).encode("utf-8"))

    def _write_json(self, name: str, content: Mapping) -> None:
        text = json.dumps(content, indent=2) + "\n"
        storage.write_whole(self.path / name, text.encode("utf-8"))
