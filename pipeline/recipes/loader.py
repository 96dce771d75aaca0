"""Recipes: every setting of a run in one frozen dataclass, read from YAML.

A recipe is complete or it overrides the defaults, nothing in between. Unknown keys are
errors that name the nearest known one; `--set section.key=value` overrides on the command
line; the resolved recipe is written into the output folder.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

import yaml

from pipeline.recipes import typed_settings
from pipeline.recipes.sections import (
    GlueConfig,
    ModelConfig,
    OptimizerConfig,
    PrepareConfig,
    TrainConfig,
    VocabConfig,
)

RECIPES_DIR = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One run from vocabulary to GLUE."""

    name: str = "unnamed"
    vocab: VocabConfig = VocabConfig()
    prepare: PrepareConfig = PrepareConfig()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    train: TrainConfig = TrainConfig()
    glue: GlueConfig = GlueConfig()

    def __post_init__(self) -> None:
        for section, key in (
            ("train", "num_train_steps"),
            ("train", "global_batch_size"),
            ("train", "eval_every_steps"),
            ("train", "num_eval_sequences"),
            ("train", "checkpoint_every_steps"),
            ("train", "log_every_steps"),
            ("train", "steps_per_loop"),
            ("vocab", "vocab_size"),
            ("prepare", "max_seq_length"),
            ("prepare", "max_predictions_per_seq"),
        ):
            value = getattr(getattr(self, section), key)
            if value < 1:
                raise ValueError(f"{section}.{key} must be at least 1, received {value}.")
        if not 0 <= self.prepare.masked_lm_prob <= 1:
            raise ValueError(
                "prepare.masked_lm_prob must be a share in [0, 1], received "
                f"{self.prepare.masked_lm_prob}."
            )

    def to_dict(self) -> dict:
        """Returns plain nested dicts, ready for YAML or JSON."""
        return dataclasses.asdict(self)


def load_recipe(name_or_file: str, overrides: Sequence[str] = ()) -> Recipe:
    """Loads a shipped recipe by name, or any YAML file, and applies `section.key=value`.

    Raises:
      FileNotFoundError: neither a shipped recipe nor a file.
      ValueError: an unknown key, a value of the wrong type, or an override without '='.
    """
    path = pathlib.Path(name_or_file)
    if not path.suffix:
        path = RECIPES_DIR / f"{name_or_file}.yaml"
    if not path.is_file():
        raise FileNotFoundError(
            f"No recipe '{name_or_file}'. Expected a YAML file, or one of the shipped "
            f"recipes: {', '.join(recipe_names())}."
        )
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} must be YAML, received: {error}") from error
    if not isinstance(settings, Mapping):
        raise ValueError(f"{path} must hold sections such as 'train:', received {settings!r}.")
    for override in overrides:
        _apply_override(settings, override)
    return typed_settings.build(Recipe, {"name": path.stem, **settings}, where=str(path))


def recipe_names() -> list[str]:
    """Returns the names of the shipped recipes."""
    return sorted(file.stem for file in RECIPES_DIR.glob("*.yaml"))


def save_recipe(recipe: Recipe, path: str | os.PathLike) -> None:
    """Writes the resolved recipe, through a temporary name."""
    temporary = f"{path}.tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        yaml.safe_dump(recipe.to_dict(), file, sort_keys=False)
    os.replace(temporary, path)


def differences(old: Mapping, new: Mapping, prefix: str = "") -> list[str]:
    """Lists 'section.key: old -> new' for every setting in which two recipes disagree."""
    rows = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            rows += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            rows.append(f"{prefix}{key}: {before} -> {after}")
    return rows


def _apply_override(settings: dict, override: str) -> None:
    path, equals, value = override.partition("=")
    if not equals:
        raise ValueError(f"--set expects section.key=value, received '{override}'.")
    *sections, key = path.strip().split(".")
    for section in sections:
        if settings.get(section) is None:
            settings[section] = {}
        settings = settings[section]
        if not isinstance(settings, Mapping):
            raise ValueError(f"--set {override}: '{section}' is no section of the recipe.")
    settings[key] = yaml.safe_load(value)
