"""The optimizers that are compared: settings, the rates to try, and construction.

Baselines are swept over their rates. Mnemosyne and its ablations run untuned, at the one rate 1;
`nominal` is the rule under its learned part with its own rates swept. A candidate is an optimizer
with the meta-parameters of a file.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mnemosyne_tf import CoordinatewiseLSTM, MetaParams, Mnemosyne, RNNprop
from mnemosyne_tf.learned.levers import has_live_heads
from mnemosyne_tf.lstm.params import LSTMParams
from mnemosyne_tf.nominal_rule import NOMINAL_RULE
from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES
from pipeline.optimizers import from_recipe
from pipeline.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from pipeline.optimizers.table import HAND_DESIGNED, OPTIMIZER_TABLE, display_name
from pipeline.recipes.sections import ABLATIONS, OptimizerConfig

_NOMINAL_FACTORS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
_PUBLISHED_SCHEDULE_FREE_RATE = 2.5e-3
MORE_RATES = 3  # beyond an end of the sweep, where the best rate stands at that end
# Ablations of what output heads of zeros leave without effect.
_NEED_HEADS = ("heads", "tokens", "memory", "encoder")
RELEASED, NOMINAL = "released", "nominal"


@dataclasses.dataclass(frozen=True)
class Contestant:
    """An optimizer in a comparison.

    Attributes:
        name: in tables, pictures, files and flags.
        optimizer: a row of the table of optimizers, or "lstm" or "rnnprop".
        rates: tried; a single one is no sweep.
        settings: of the recipe's section `optimizer`, in addition to the name.
        meta_params: `RELEASED`, `NOMINAL` or a file.
        knows_run: whether it is given the number of steps and the labels of each.
        as_published: whether it has the defaults of its authors in place of the recipe's.
        arguments: of the class, in addition to the run.
    """

    name: str
    optimizer: str = "mnemosyne"
    rates: tuple[float, ...] = (1.0,)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    meta_params: str = RELEASED
    knows_run: bool = True
    as_published: bool = False
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def label(self) -> str:
        """Its name in pictures: that of the table of optimizers, or its own."""
        return display_name(self.name)

    @property
    def is_swept(self) -> bool:
        """Whether it is tried at several rates."""
        return len(self.rates) > 1

    @property
    def is_mnemosyne(self) -> bool:
        """Whether it is Mnemosyne, or Mnemosyne without a part."""
        return self.optimizer == "mnemosyne"

    def make(self, learning_rate: Any, num_train_steps: int, labels_per_step: int) -> Any:
        """Returns the Keras optimizer; baselines with warm-up and decay, as in the trainer.

        Args:
            learning_rate: its peak, a float or a variable; of Mnemosyne a multiple of the built-in
                rates.
            num_train_steps: of the run.
            labels_per_step: labels in the loss of each step.
        """
        run = {"total_steps": num_train_steps, "labels_per_step": labels_per_step}
        if self.optimizer in _LSTMS:
            return _LSTMS[self.optimizer](learning_rate, meta_params=self.meta_params)
        if self.meta_params != RELEASED:
            return self._with_meta_params(learning_rate, run)
        if not self.knows_run:
            return Mnemosyne(learning_rate)
        if self.is_mnemosyne and self.arguments:
            return Mnemosyne(learning_rate, **run, **self.arguments)
        if self.as_published:
            # Defaults of the code that its authors publish: no decay, no warm-up, no clipping.
            return ScheduleFreeAdamW(learning_rate, weight_decay=None)
        config = OptimizerConfig(
            name=self.optimizer, learning_rate=learning_rate, **dict(self.settings)
        )
        return from_recipe.make_optimizer(
            config, num_train_steps, labels_per_step, **self.arguments
        )

    def _with_meta_params(self, learning_rate: Any, run: Mapping[str, int]) -> Mnemosyne:
        """Fully learned ones have neither schedule nor weight decay, as while they learned."""
        params = MetaParams.resolve(self.meta_params)
        if params.structure.nominal_direction:
            return Mnemosyne(learning_rate, meta_params=params, **run)
        return Mnemosyne(learning_rate, weight_decay=0.0, meta_params=params)


_LSTMS = {"lstm": CoordinatewiseLSTM, "rnnprop": RNNprop}
_ADAM_RATES = OPTIMIZER_TABLE["adamw"].sweep_rates
# Rates and horizons by role of Mnemosyne's own rule: what they are worth to a baseline.
ROLES = {
    argument: {
        role: NOMINAL_RULE[entry][0]
        for role, entry in entries.items()
        if NOMINAL_RULE[entry][0] != 1.0
    }
    for argument, entries in (("role_rates", RATE_ENTRIES), ("role_horizons", HORIZON_ENTRIES))
}
ADAMW, MNEMOSYNE, SWEPT_NOMINAL = (
    Contestant("adamw", "adamw", _ADAM_RATES),
    Contestant("mnemosyne"),
    Contestant("nominal", rates=_NOMINAL_FACTORS, meta_params=NOMINAL),
)
CONTESTANTS = {
    each.name: each
    for each in (
        ADAMW,
        Contestant("adamw(beta_2=0.95)", "adamw", _ADAM_RATES, {"beta_2": 0.95}),
        Contestant("adamw(decay_start=0.3)", "adamw", _ADAM_RATES, {"decay_start": 0.3}),
        *(
            Contestant(
                f"{name}(decay_power=0.5)",
                name,
                OPTIMIZER_TABLE[name].sweep_rates,
                {"decay_power": 0.5},
            )
            for name in ("adamw", "muon")
        ),
        *(
            Contestant(row.name, row.name, row.sweep_rates)
            for row in HAND_DESIGNED
            if row.name != "adamw"
        ),
        *(
            Contestant(
                f"{name}(roles)",
                name,
                OPTIMIZER_TABLE[name].sweep_rates,
                arguments=ROLES,
            )
            for name in ("adamw", "muon")
        ),
        Contestant(
            "schedule_free_adamw()",
            "schedule_free_adamw",
            (_PUBLISHED_SCHEDULE_FREE_RATE,),
            as_published=True,
        ),
        # Muon's other rate: AdamW's is a quarter, and four times, that of the matrices.
        *(
            Contestant(
                f"muon(adamw_rate={rate:g})",
                "muon",
                OPTIMIZER_TABLE["muon"].sweep_rates,
                arguments={"adamw_rate": rate},
            )
            for rate in (0.25, 4.0)
        ),
        SWEPT_NOMINAL,
        MNEMOSYNE,
        Contestant("mnemosyne()", knows_run=False),
        *(Contestant(f"without_{part}", settings={"without": part}) for part in ABLATIONS),
    )
}


def candidate(meta_params: str, optimizer: str = "mnemosyne") -> Contestant:
    """Returns the optimizer with the meta-parameters of a file.

    Args:
        meta_params: the file, or `NOMINAL`.
        optimizer: "mnemosyne", "lstm" or "rnnprop".
    """
    return Contestant(f"{optimizer}:{meta_params}", optimizer, meta_params=meta_params)


def variant(arguments: str) -> Contestant:
    """Returns Mnemosyne with other arguments than the default ones.

    Args:
        arguments: YAML, such as `role_rates: {position table: 8}`.

    Raises:
        ValueError: there is no such argument, or no such value of it.
    """
    try:
        parsed = yaml.safe_load(arguments)
        Mnemosyne(**parsed)
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise ValueError(
            f"--variant: expected arguments of Mnemosyne as YAML, such as 'nesterov: false', "
            f"received {arguments!r}: {error}"
        ) from error
    return Contestant(f"mnemosyne({json.dumps(parsed)[1:-1]})", arguments=parsed)


def load_candidate(meta_params: str) -> Contestant:
    """Reads a file of meta-parameters; returns its `candidate`, of the optimizer that it is for.

    Raises:
        ValueError: it is no such file; with what each optimizer expected.
        FileNotFoundError: the file does not exist.
    """
    try:
        MetaParams.load(meta_params)
        return candidate(meta_params)
    except ValueError as of_mnemosyne:
        try:
            inputs = LSTMParams.load(meta_params).structure.inputs
        except ValueError as of_lstm:
            raise ValueError(f"--candidate: {of_mnemosyne} {of_lstm}") from of_lstm
    return candidate(meta_params, "lstm" if inputs == "log_sign" else "rnnprop")


def all_that_differ() -> list[Contestant]:
    """Returns every contestant, less the ablations that change nothing.

    Behind output heads of zeros encoder and memory have no effect: without them it is the same run.
    """
    if has_live_heads(Mnemosyne().meta_params.values):
        return [*CONTESTANTS.values()]
    return [
        each for each in CONTESTANTS.values() if each.settings.get("without") not in _NEED_HEADS
    ]


def named(names: Sequence[str]) -> list[Contestant]:
    """Returns contestants by name, in the order of the table.

    Raises:
        ValueError: one of the names is unknown.
    """
    if unknown := set(names) - set(CONTESTANTS):
        raise ValueError(
            f"--optimizers: expected some of {', '.join(CONTESTANTS)}; received "
            f"{', '.join(sorted(unknown))}."
        )
    return [each for name, each in CONTESTANTS.items() if name in names]


def next_rate(tried: Sequence[float], best: float) -> float | None:
    """Returns the rate beyond the end of a sweep at which `best` stands, or None inside it."""
    low, *_, high = sorted(tried)
    ratio = (high / low) ** (1 / (len(tried) - 1))
    if best == high:
        return float(f"{high * ratio:.3g}")
    return float(f"{low / ratio:.3g}") if best == low else None
