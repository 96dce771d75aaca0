"""Which meta-parameters there are: sizes and variants, and from them name and shape of every entry.

`meta_params` holds their values.
"""

import dataclasses

from mnemosyne_tf.learned import model_entries
from mnemosyne_tf.nominal_rule import NOMINAL_RULE

LEVELS = ("chunk", "model")
LEVEL_1_ENCODERS = ("mean", "performer", "none")
LEVEL_2_ENCODERS = ("performer", "none")
NUM_FEATURES = 3
NUM_STATISTICS = 6
NUM_CONTEXT = 6


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
