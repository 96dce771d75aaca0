"""The files of recipes: YAML, of evolution; of gradients, where an `optimizer` is named; of
persistent evolution strategies, where `levers` are."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping

import yaml

from data_prep import storage
from pipeline.lab.meta_training.backprop.settings import LearnedRecipe
from pipeline.lab.meta_training.pes.settings import PesRecipe
from pipeline.lab.meta_training.settings import MetaRecipe
from pipeline.recipes import typed_settings

RECIPES_DIR = pathlib.Path(__file__).parent / "recipes"
Recipe = MetaRecipe | LearnedRecipe | PesRecipe


def load_meta_recipe(name_or_file: str, seed: int | None = None) -> Recipe:
    """Loads a recipe of this package by name, or any YAML file.

    Args:
        name_or_file: the recipe.
        seed: in place of its own, unless None.

    Raises:
        FileNotFoundError: neither a recipe of this package nor a file.
        ValueError: an unknown key, a value of the wrong type or out of its range.
    """
    path = pathlib.Path(name_or_file)
    if not path.suffix:
        path = RECIPES_DIR / f"{name_or_file}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in RECIPES_DIR.glob("*.yaml")))
        raise FileNotFoundError(
            f"No recipe '{name_or_file}'. Expected a YAML file, or one of the recipes: {known}."
        )
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} must be YAML, received: {error}") from error
    if not isinstance(settings, Mapping):
        raise ValueError(f"{path} must hold settings and tasks, received {settings!r}.")
    kind = LearnedRecipe if "optimizer" in settings else MetaRecipe
    kind = PesRecipe if "levers" in settings else kind
    if seed is not None:
        settings = {**settings, "seed": seed}
    return typed_settings.build(kind, {"name": path.stem, **settings}, str(path))


def save_meta_recipe(recipe: Recipe, path: str | os.PathLike) -> None:
    """Writes the resolved recipe whole."""
    text = yaml.safe_dump(dataclasses.asdict(recipe), sort_keys=False)
    storage.write_whole(str(path), text.encode())
