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

SHIPPED = pathlib.Path(__file__).parent / "weights" / "mnemosyne.npz"
LEVELS = ("chunk", "model")
LEVEL_1_ENCODERS = ("mean", "performer", "none")
LEVEL_2_ENCODERS = ("performer", "none")
NUM_FEATURES = 3
NUM_STATISTICS = 6
NUM_CONTEXT = 6
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
    "roles": {},
    "tokens": {},
}
# Rule entries that it sets to the value that changes nothing.
_ENTRIES_LEFT_OUT = {
    "run_scaling": NEUTRAL_ENTRIES,
    "decay_delay": {"rule/decay_delay": 0.0},
    "decay_power": LINEAR_DECAY,
    "roles": NEUTRAL_ROLES,
}
# A memory with discount tau looks back over some 1 / tau steps.
NOMINAL_TAU = 0.02


@dataclasses.dataclass(frozen=True)
class Structure:
    """Sizes and variants of a set of meta-parameters.

    Attributes:
        level: "chunk", meta-tokens of chunks correct directions; or "model", a token of each tensor
            moves its levers (`learned.model_level`), by width, features, level 2 and memory below.
        chunk_size: longest chunk of coordinates behind one meta-token; 1 with level_1="none" is
            the paper's coordinate-wise variant.
        width: length of a meta-token, d.
        num_random_features: r, even.
        level_1: "mean" (fast), "performer" (the paper's), or "none": a coordinate is its own chunk.
        level_2: "performer", or "none": no chunk attends to another.
        hidden_units: hidden units of the coordinate-wise network.
        use_memory: False leaves the compact associative memory out.
        num_memory_heads: memories of each meta-token, every one with a discount of its own.
        network_on_matrices: whether the coordinate-wise network also acts on matrix directions,
            before they are orthogonalised.
        nominal_direction: False leaves the nominal direction out: an update is what memory, heads
            and coordinate-wise network answer, elementwise on every variable. Untrained, it stands
            still.
        seed: seed of the random features and of the untrained encoders.
    """

    level: str = "chunk"
    chunk_size: int = 1024
    width: int = 16
    num_random_features: int = 16
    level_1: str = "mean"
    level_2: str = "performer"
    hidden_units: int = 4
    use_memory: bool = True
    num_memory_heads: int = 1
    network_on_matrices: bool = False
    nominal_direction: bool = True
    seed: int = 0

    def __post_init__(self):
        for name in ("chunk_size", "width", "num_random_features", "hidden_units",
                     "num_memory_heads"):  # fmt: skip
            if getattr(self, name) < 1:
                raise ValueError(f"Expected {name} of at least 1, received {getattr(self, name)}.")
        if self.num_random_features % 2:
            raise ValueError(
                "Expected an even num_random_features (each direction gives exp(w.z) and "
                f"exp(-w.z)), received {self.num_random_features}."
            )
        if self.level not in LEVELS:
            raise ValueError(f"Expected level in {LEVELS}, received {self.level!r}.")
        if self.level == "model" and not self.nominal_direction:
            raise ValueError('Expected a nominal direction with level "model", received none.')
        if self.level_1 not in LEVEL_1_ENCODERS:
            raise ValueError(f"Expected level_1 in {LEVEL_1_ENCODERS}, received {self.level_1!r}.")
        if self.level_2 not in LEVEL_2_ENCODERS:
            raise ValueError(f"Expected level_2 in {LEVEL_2_ENCODERS}, received {self.level_2!r}.")
        if self.level_1 == "none" and self.chunk_size > 1:
            raise ValueError(
                'Expected chunk_size 1 with level_1 "none" (nothing pools a chunk), received '
                f"{self.chunk_size}."
            )

    @property
    def memory_shape(self) -> tuple[int, int]:
        """What is remembered of a meta-token: all rows of the first head, of the second, ..."""
        return self.num_memory_heads * self.num_random_features, self.width + 1

    def bounds(self) -> dict[str, tuple[float, float]]:
        """Smallest and largest value of the entries that have them."""
        return {name: (low, high) for name, (_, low, high) in NOMINAL_RULE.items()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every entry, in the order of the computation."""
        width, hidden = self.width, self.hidden_units
        is_model, shapes = self.level == "model", dict.fromkeys(NOMINAL_RULE, ())
        shapes |= model_entries.embedding_shapes(width) if is_model else self._level_1_shapes()
        if self.level_2 == "performer":
            shapes |= _performer_shapes("level_2", width)
        if self.use_memory:
            shapes |= {f"memory/{part}": (width, width) for part in ("query", "key", "value")}
            heads = self.num_memory_heads
            shapes["memory/log_tau"] = () if heads == 1 else (heads,)
            if heads > 1:
                shapes["memory/output"] = (heads * width, width)
        if is_model:
            return shapes | model_entries.head_shapes(width)
        return shapes | {
            "step_head/kernel": (width,), "step_head/bias": (),
            "film_head/kernel": (width, 2 * hidden), "film_head/bias": (2 * hidden,),
            "network/input": (NUM_FEATURES, hidden), "network/bias": (hidden,),
            "network/output": (hidden,),
        }  # fmt: skip

    def _level_1_shapes(self) -> dict[str, tuple[int, ...]]:
        width, is_mean = self.width, self.level_1 == "mean"
        name, rows = ("statistics", NUM_STATISTICS) if is_mean else ("features", NUM_FEATURES)
        shapes = {f"level_1/{name}": (rows, width)}
        if self.level_1 == "performer":
            shapes |= _performer_shapes("level_1", width)
        return shapes | {"level_1/context": (NUM_CONTEXT, width), "level_1/bias": (width,)}


def _performer_shapes(prefix: str, width: int) -> dict[str, tuple[int, ...]]:
    shapes = {f"{prefix}/{part}": (width, width) for part in ("query", "key", "value", "output")}
    return shapes | {f"{prefix}/inner": (width, 2 * width), f"{prefix}/outer": (2 * width, width)}


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
                "decay_power" its shape, so that it is linear; "roles" rates and horizons by role,
                so that all roles of a path move alike.

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
