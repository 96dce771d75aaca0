"""Recipes: every setting of a run in frozen dataclasses, read from YAML.

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

from pipeline import typed_settings

_WITH_BETA_2 = ("adamw", "nadamw", "lamb", "lion", "muon", "schedule_free_adamw")
_WITHOUT_BETA_2 = ("adafactor", "sgd")
OPTIMIZERS = ("mnemosyne", *_WITH_BETA_2, *_WITHOUT_BETA_2)
RECIPES_DIR = pathlib.Path(__file__).parent / "recipes"


@dataclasses.dataclass(frozen=True)
class VocabConfig:
    """Flags of `mnemosyne vocab`."""

    vocab_size: int = 30_522
    do_lower_case: bool = True


@dataclasses.dataclass(frozen=True)
class PrepareConfig:
    """Flags of `mnemosyne prepare`, with the names of google-research/bert.

    Training reads `max_seq_length`, and of records that it masks itself `masked_lm_prob`,
    `max_predictions_per_seq` and `do_whole_word_mask`; for all else it asks the records.
    """

    max_seq_length: int = 128
    max_predictions_per_seq: int = 20
    masked_lm_prob: float = 0.15
    short_seq_prob: float = 0.1
    dupe_factor: int = 10
    do_whole_word_mask: bool = False
    do_lower_case: bool = True
    random_seed: int = 12345
    num_shards: int = 8
    heldout_fraction: float = 0.02
    objective: str = "mlm_nsp"
    masking: str = "static"
    bins: str = ""


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """Which BERT: a named size; a number that is not None replaces that size's own."""

    size: str = "base"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    num_layers: int | None = None
    hidden_dim: int | None = None
    num_heads: int | None = None
    intermediate_dim: int | None = None

    def overrides(self) -> dict:
        """Returns what replaces the named size's settings."""
        settings = dataclasses.asdict(self)
        del settings["size"]
        return {key: value for key, value in settings.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class OptimizerConfig:
    """Which optimizer, one of `OPTIMIZERS`; `pipeline.optimizers` says what they are.

    `learning_rate` is the peak rate, but for mnemosyne a multiplier of what was meta-trained.
    `warmup_fraction` (of all steps), `weight_decay`, `clip_norm` (of the global norm) and `beta_2`
    (null: the value that the optimizer was published with) belong to the hand-designed ones.
    Mnemosyne has nothing to tune: to set what an optimizer does not have is an error.
    """

    name: str = "mnemosyne"
    learning_rate: float = 1.0
    warmup_fraction: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    beta_2: float | None = None

    def __post_init__(self) -> None:
        if self.name not in OPTIMIZERS:
            raise ValueError(
                f"Unknown optimizer.name '{self.name}'. Choose one of: {', '.join(OPTIMIZERS)}."
            )
        if self.name in _WITHOUT_BETA_2 and self.beta_2 is not None:
            raise ValueError(
                f"optimizer.beta_2 does nothing for {self.name}, which has no such decay; received "
                f"{self.beta_2}. Leave it out."
            )
        if self.name != "mnemosyne":
            return
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name not in ("name", "learning_rate") and value != field.default:
                raise ValueError(
                    f"optimizer.{field.name} does nothing for mnemosyne, whose schedule and decay "
                    f"are its own; received {value}. Leave it out, or set optimizer.name=adamw."
                )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How long, how much at once, how often to look. Batches are global, in sequences.

    `initial_run` is the folder of a run whose weights this one begins with, such as that of a
    first phase on shorter records; empty for random weights. `log_step_sizes` writes how far each
    variable moves in the steps that are logged into the folder `step_sizes`, for TensorBoard.
    """

    num_train_steps: int = 1_000_000
    global_batch_size: int = 256
    eval_every_steps: int = 1_000
    num_eval_sequences: int = 8_192
    checkpoint_every_steps: int = 1_000
    log_every_steps: int = 100
    steps_per_loop: int = 10
    random_seed: int = 0
    strategy: str = "mirrored"
    initial_run: str = ""
    log_step_sizes: bool = False


@dataclasses.dataclass(frozen=True)
class GlueConfig:
    """Flags of `mnemosyne glue`."""

    tasks: str = "all"
    num_train_epochs: int = 3
    learning_rate: float = 1e-4
    batch_size: int = 32
    max_seq_length: int = 128
    dropout: float = 0.1
    seed: int = 0


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
