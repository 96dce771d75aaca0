"""The optimizers that a recipe can name: one row each.

A row names the class and imports it only in `load`, so that a command can list the names without
TensorFlow. `pipeline.optimizers.from_recipe` makes an optimizer from a row and a recipe.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class OptimizerRow:
    """One optimizer.

    Attributes:
      name: its name in a recipe, `optimizer.name`.
      display_name: its name in tables and pictures.
      module: the module of its class.
      class_name: the class.
      sweep_rates: the peak learning rates that a comparison tries, ascending with a constant
        ratio, from below to above the published values. Mnemosyne has one: a multiplier of 1.
      settings: arguments of the class beyond those of a recipe. Betas that are not given are the
        defaults of the class, which are the published ones.
      has_beta_2: whether the class takes a decay of the second moment, `beta_2`.
      rate_falls: whether its learning rate falls to 0 at the end of the run.
    """

    name: str
    display_name: str
    module: str
    class_name: str
    sweep_rates: tuple[float, ...]
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    has_beta_2: bool = True
    rate_falls: bool = True

    def load(self) -> type:
        """Imports the class, a subclass of `tf_keras.optimizers.Optimizer`."""
        return getattr(importlib.import_module(self.module), self.class_name)


_KERAS = "pipeline.optimizers.keras_optimizers"
_MUON_RATES = (5e-3, 1e-2, 2e-2, 4e-2, 8e-2, 1.6e-1)
_ADAM_RATES = (5e-4, 1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2)

MNEMOSYNE = OptimizerRow(
    "mnemosyne",
    "Mnemosyne",
    "mnemosyne_tf",
    "Mnemosyne",
    sweep_rates=(1.0,),
    has_beta_2=False,
)

# What Mnemosyne is compared with, in the order of tables.
HAND_DESIGNED = (
    OptimizerRow("adamw", "AdamW", _KERAS, "AdamW", _ADAM_RATES, {"epsilon": 1e-6}),
    OptimizerRow(
        "nadamw", "NAdamW", "pipeline.optimizers.nadamw", "NAdamW", _ADAM_RATES, {"epsilon": 1e-6}
    ),
    OptimizerRow(
        "lamb",
        "LAMB",
        "pipeline.optimizers.lamb",
        "LAMB",
        sweep_rates=(2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2),
    ),
    OptimizerRow(
        "lion",
        "Lion",
        _KERAS,
        "Lion",
        sweep_rates=(6e-5, 1.2e-4, 2.5e-4, 5e-4, 1e-3, 2e-3),
    ),
    OptimizerRow(
        "muon",
        "Muon",
        "pipeline.optimizers.muon",
        "Muon",
        _MUON_RATES,
    ),
    OptimizerRow("normuon", "NorMuon", "pipeline.optimizers.muon", "NorMuon", _MUON_RATES),
    OptimizerRow("muon_squared", "Muon^2", "pipeline.optimizers.muon", "MuonSquared", _MUON_RATES),
    OptimizerRow(
        "schedule_free_adamw",
        "Schedule-Free AdamW",
        "pipeline.optimizers.schedule_free_adamw",
        "ScheduleFreeAdamW",
        sweep_rates=(1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2),
        rate_falls=False,
    ),
    OptimizerRow(
        "adafactor",
        "Adafactor",
        _KERAS,
        "Adafactor",
        sweep_rates=(4e-3, 8e-3, 1.6e-2, 3.2e-2, 6.4e-2, 1.3e-1),
        has_beta_2=False,
    ),
    OptimizerRow(
        "sgd",
        "SGD with momentum",
        _KERAS,
        "SGD",
        sweep_rates=(2e-2, 4e-2, 8e-2, 1.6e-1, 3.2e-1, 6.4e-1),
        settings={"momentum": 0.9},
        has_beta_2=False,
    ),
)

# What prompts are compared with besides: tuned for them, and nothing else is trained with it.
FOR_PROMPTS = (
    OptimizerRow(
        "adafactor_fixed",
        "Adafactor, fixed rate",
        "pipeline.optimizers.adafactor_fixed",
        "AdafactorFixed",
        sweep_rates=(1e-2, 2e-2, 4e-2, 8e-2, 1.6e-1, 3.2e-1),
        has_beta_2=False,
        rate_falls=False,
    ),
)

OPTIMIZER_TABLE: Mapping[str, OptimizerRow] = {
    row.name: row for row in (MNEMOSYNE, *HAND_DESIGNED, *FOR_PROMPTS)
}


def display_name(name: str) -> str:
    """The name in tables and pictures; a name without a row stays as it is."""
    return OPTIMIZER_TABLE[name].display_name if name in OPTIMIZER_TABLE else name
