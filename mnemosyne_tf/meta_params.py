"""Meta-parameters: the frozen numbers that make Mnemosyne the optimizer it is.

A `Structure` fixes sizes and variants, `MetaParams` holds one float32 array per name. The untrained
values are called "nominal": random encoders, zero output heads, hand-chosen rates. With zero heads
the update is exactly the nominal rule: what the encoders compute is not used.

`ParameterSet` saves and loads them. The released set is in `weights/`, with a card.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from mnemosyne_tf.learned import model_entries
from mnemosyne_tf.nominal_rule import (
    LINEAR_DECAY,
    NEUTRAL_ENTRIES,
    NEUTRAL_ROLES,
    NOMINAL_RULE,
)
from mnemosyne_tf.param_file import ParameterSet
from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES
from mnemosyne_tf.structure import Structure

SHIPPED = pathlib.Path(__file__).parent / "weights" / "mnemosyne.npz"
ZERO_HEADS = ("step_head/kernel", "step_head/bias", "film_head/kernel", "film_head/bias",
              "network/output")  # fmt: skip
_ALL_HEADS = (*ZERO_HEADS, *model_entries.ZERO_HEADS)
# What `MetaParams.without` may leave out, and the structure that is left.
ABLATIONS: dict[str, dict[str, Any]] = {
    "heads": {},
    "memory": {"use_memory": False},
    "encoder": {"level_2": "none"},
    "run_scaling": {},
    "decay_delay": {},
    "decay_power": {},
    "position_growth": {},
    "roles": {},
    "tokens": {},
}
# Rule entries that it sets to the value that changes nothing.
_ENTRIES_LEFT_OUT = {
    "run_scaling": NEUTRAL_ENTRIES,
    "decay_delay": {"rule/decay_delay": 0.0},
    "decay_power": LINEAR_DECAY,
    "position_growth": {"rule/position_growth": 0.0},
    "roles": NEUTRAL_ROLES,
}
# A memory with discount tau looks back over some 1 / tau steps.
NOMINAL_TAU = 0.02


@dataclasses.dataclass(frozen=True)
class MetaParams(ParameterSet):
    """The meta-parameters of Mnemosyne: a `Structure` and its values."""

    structure_class = Structure
    untrained_name = "nominal"
    named_files = {"shipped": SHIPPED}
    neutral_entries = {**NEUTRAL_ENTRIES, **LINEAR_DECAY, **NEUTRAL_ROLES}

    @classmethod
    def untrained(cls) -> "MetaParams":
        """The nominal values of the default structure."""
        return cls.nominal()

    @classmethod
    def nominal(cls, structure: Structure | None = None) -> "MetaParams":
        """The untrained values: random encoders, zero heads, the nominal rule.

        Without a nominal direction nothing warms up where the length of the run is unknown: how
        long the first steps should be is to be learned, too. Nor do its steps follow the run.
        """
        structure = structure or Structure()
        random = np.random.RandomState(structure.seed)
        values: dict[str, Any] = {}
        for name, shape in structure.shapes().items():
            if name in NOMINAL_RULE:
                values[name] = NOMINAL_RULE[name][0]
            elif name == "memory/log_tau":
                values[name] = _nominal_log_taus(structure.num_memory_heads).reshape(shape)
            elif name == "memory/output":
                heads = structure.num_memory_heads
                values[name] = np.tile(np.eye(structure.width) / heads, (heads, 1))
            elif name in _ALL_HEADS or len(shape) < 2:
                values[name] = np.zeros(shape)
            else:
                values[name] = random.standard_normal(shape) / np.sqrt(shape[0])
        if not structure.nominal_direction:
            values |= {"rule/warmup_steps": 1.0, **NEUTRAL_ENTRIES, **LINEAR_DECAY}
        return cls(structure, values)

    def without(self, part: str) -> "MetaParams":
        """The same values with one part left out, to see what it is worth.

        Args:
            part: "heads" sets all heads to zero, which leaves the nominal rule with the rates of
                this set; "tokens" those of tokens, which leaves offsets by role; "memory" leaves
                the compact associative memory out; "encoder" the Performer, so that no token
                attends to another; "run_scaling" the exponents and the delay, so that rates and
                schedule are the same for every run; "decay_delay" the delay alone;
                "decay_power" its shape, so that it is linear; "position_growth" the growth of
                position tables with words; "roles" that, and rates and horizons by role, so that
                all roles of a path move alike.

        Raises:
            ValueError: another part.
        """
        if part not in ABLATIONS:
            raise ValueError(f"Expected one of {', '.join(ABLATIONS)}, received {part!r}.")
        structure = dataclasses.replace(self.structure, **ABLATIONS[part])
        values = {name: self.values[name] for name in structure.shapes()}
        zeros = {"heads": _ALL_HEADS, "tokens": (model_entries.TOKEN_HEAD,)}.get(part, ())
        values |= {name: 0.0 * values[name] for name in zeros if name in values}
        return MetaParams(structure, values | _ENTRIES_LEFT_OUT.get(part, {}))

    def with_rule(self, numbers: Mapping[str, float]) -> "MetaParams":
        """The same values with other numbers of the nominal rule.

        Args:
            numbers: by the name of an entry without its `rule/`, such as `{"decay_power": 1.0}`.

        Raises:
            ValueError: there is no such entry, or it is not within the bounds of `NOMINAL_RULE`.
        """
        entries = {name.removeprefix("rule/"): name for name in NOMINAL_RULE}
        if unknown := sorted(set(numbers) - set(entries)):
            raise ValueError(
                f"Expected numbers of the rule among {', '.join(entries)}, received "
                f"{', '.join(unknown)}."
            )
        moved = {entries[name]: np.float32(value) for name, value in numbers.items()}
        return MetaParams(self.structure, {**self.values, **moved})

    def with_role_rates(self, rates: Mapping[str, float]) -> "MetaParams":
        """The same values with other rates of some roles, each a factor on the built-in rate.

        Args:
            rates: by role, such as `{"position table": 4.0}`.

        Raises:
            ValueError: there is no rate of such a role, or it is not in [0, 64].
        """
        return self._with_roles(RATE_ENTRIES, rates, "rates")

    def with_role_horizons(self, horizons: Mapping[str, float]) -> "MetaParams":
        """The same values with other horizons of some roles.

        Args:
            horizons: by role, how many times further back than the built-in ones the averages of
                its gradients reach, such as `{"position table": 5.0}`.

        Raises:
            ValueError: there is no horizon of such a role, or it is not in [1, 64].
        """
        return self._with_roles(HORIZON_ENTRIES, horizons, "horizons")

    def _with_roles(self, entries, given, what) -> "MetaParams":
        if unknown := sorted(set(given) - set(entries)):
            raise ValueError(
                f"Expected {what} of roles among {', '.join(map(repr, entries))}, received "
                f"{', '.join(map(repr, unknown))}. Every other role has the built-in {what}."
            )
        moved = {entries[role]: np.float32(value) for role, value in given.items()}
        return MetaParams(self.structure, {**self.values, **moved})


def _nominal_log_taus(num_heads: int) -> np.ndarray:
    """0.02 alone; with more heads evenly from ten times to a tenth of it, in logarithms."""
    decades = np.linspace(1.0, -1.0, num_heads) if num_heads > 1 else np.zeros(1)
    return np.log(NOMINAL_TAU) + decades * np.log(10.0)
