"""Recipes: every setting of a run in one frozen dataclass, read from YAML.

Each section is the dataclass of its stage, whose defaults hold for what a recipe leaves out. An
unknown key is an error that names the nearest known one; `extends: NAME` takes another recipe's
settings for what a file leaves out; `--set section.key=value` overrides on the command line; the
resolved recipe is written into the output folder.
"""

from __future__ import annotations

import copy
import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

import yaml

from data_prep import storage
from data_prep.settings import RecordSettings, VocabularySettings
from pipeline.glue.settings import GlueSettings
from pipeline.recipes import typed_settings
from pipeline.recipes.sections import ModelConfig, OptimizerConfig
from pipeline.recipes.t5_settings import check_t5_settings
from pipeline.recipes.train_section import TrainConfig

RECIPES_DIR = pathlib.Path(__file__).parent
_SIZES = ("tiny", "mini", "small", "medium", "base", "large")
# Where a recipe names an optimizer: section, key, default.
_OPTIMIZER_KEYS = (
    ("optimizer", "name", OptimizerConfig.name),
    ("glue", "optimizer", GlueSettings.optimizer),
)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One run from vocabulary to GLUE; of a T5, `prepare.objective` span_corruption, to a model."""

    name: str = "unnamed"
    vocab: VocabularySettings = VocabularySettings()
    prepare: RecordSettings = RecordSettings()
    model: ModelConfig = ModelConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    train: TrainConfig = TrainConfig()
    glue: GlueSettings = GlueSettings()

    def __post_init__(self) -> None:
        if self.prepare.replaces_spans:
            check_t5_settings(self)
        if self.prepare.do_lower_case not in (None, self.vocab.do_lower_case):
            raise ValueError(
                f"prepare.do_lower_case is {self.prepare.do_lower_case}, vocab.do_lower_case is "
                f"{self.vocab.do_lower_case}; expected one casing for vocabulary and records. "
                "Leave prepare.do_lower_case out: records follow the vocabulary."
            )
        length = self.prepare.max_seq_length
        if (rows := self.model.num_positions(length)) < length:
            raise ValueError(
                f"model.max_position_embeddings must be at least prepare.max_seq_length ({length} "
                f"tokens), received {rows}. Pass --set model.max_position_embeddings={length}, or "
                "leave it out."
            )

    def to_dict(self) -> dict:
        """Returns plain nested dicts, ready for YAML or JSON."""
        return dataclasses.asdict(self)


def load_recipe(name_or_file: str, overrides: Sequence[str] = ()) -> Recipe:
    """Loads a shipped recipe by name, or any YAML file, and applies `section.key=value`.

    Raises:
      FileNotFoundError: neither a shipped recipe nor a file; nor what it extends.
      ValueError: an unknown key, a value of the wrong type, an override without '=', or recipes
        that extend each other.
    """
    path = _recipe_file(name_or_file)
    settings = _read_settings(path)
    before = copy.deepcopy(settings)
    given = [_apply_override(settings, override) for override in overrides]
    _drop_rates_of_other_optimizers(settings, before, given)
    return typed_settings.build(Recipe, {"name": path.stem, **settings}, where=str(path))


def _recipe_file(name_or_file: str, relative_to: pathlib.Path = pathlib.Path()) -> pathlib.Path:
    path = relative_to / name_or_file
    if not path.suffix:
        path = RECIPES_DIR / f"{name_or_file}.yaml"
    if not path.is_file():
        raise FileNotFoundError(
            f"No recipe '{name_or_file}'. Expected a YAML file, or one of the shipped "
            f"recipes: {', '.join(recipe_names())}."
        )
    return path


def _read_settings(path: pathlib.Path, extended_by: tuple[pathlib.Path, ...] = ()) -> dict:
    """The settings of a file over those of the recipe that it extends."""
    if path in extended_by:
        raise ValueError(f"{path} extends itself, by way of {', '.join(map(str, extended_by))}.")
    try:
        settings = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{path} must be YAML, received: {error}") from error
    if not isinstance(settings, Mapping):
        raise ValueError(f"{path} must hold sections such as 'train:', received {settings!r}.")
    extended = settings.pop("extends", None)
    if extended is None:
        return settings
    beneath = _read_settings(_recipe_file(str(extended), path.parent), (*extended_by, path))
    return _merged(beneath, settings)


def _merged(beneath: Mapping, above: Mapping) -> dict:
    merged = dict(beneath)
    for key, value in above.items():
        is_section = isinstance(value, Mapping) and isinstance(beneath.get(key), Mapping)
        merged[key] = _merged(beneath[key], value) if is_section else value
    return merged


def recipe_names() -> list[str]:
    """Returns the names of the shipped recipes, from the smallest model to the largest."""
    names = sorted(file.stem for file in RECIPES_DIR.glob("*.yaml"))
    return sorted(names, key=lambda name: _SIZES.index(size_of(name)))


def size_of(name: str) -> str:
    """Returns the size of the model in the name of a shipped recipe, `FAMILY_SIZE_...`."""
    return name.split("_")[1]


def headline(name: str) -> str:
    """Returns the first line of a shipped recipe: what it trains, and on what."""
    with open(RECIPES_DIR / f"{name}.yaml", encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()


def save_recipe(recipe: Recipe, path: str | os.PathLike) -> None:
    """Writes the resolved recipe, whole or not at all."""
    text = yaml.safe_dump(recipe.to_dict(), sort_keys=False)
    storage.write_whole(path, text.encode("utf-8"))


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


def _apply_override(settings: dict, override: str) -> str:
    """Puts a value into the settings and returns its key, `section.key`."""
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
    return path.strip()


def _drop_rates_of_other_optimizers(settings: dict, before: Mapping, given: Sequence[str]) -> None:
    """Drops rate and warm-up of a section whose optimizer is overridden to or from mnemosyne.

    Mnemosyne's is a multiplier of its own rates, the others' a rate: a recipe's number means
    nothing to the other kind, and its warm-up is its own. What is given together with the optimizer
    stays.
    """
    for section, key, default in _OPTIMIZER_KEYS:
        if f"{section}.{key}" not in given:
            continue
        was = (before.get(section) or {}).get(key, default)
        if (was == "mnemosyne") != (settings[section][key] == "mnemosyne"):
            for setting in ("learning_rate", "num_warmup_steps"):
                if f"{section}.{setting}" not in given:
                    settings[section].pop(setting, None)
