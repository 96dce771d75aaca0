"""Meta-parameters of the LSTM optimizers: two layers, the same for every coordinate.

The untrained values are random: an LSTM that has not been meta-trained moves the weights, but not
downhill. It is a thing to train, or a thing to compare with after training.
"""

import dataclasses

import numpy as np

from mnemosyne_tf.param_file import ParameterSet

INPUTS = ("log_sign", "moments")
NUM_INPUTS = 2
NUM_LAYERS = 2
# Name: (untrained value, smallest, largest). The bounds keep every update bounded.
RULE = {
    "rule/output_scale": (0.1, 0.0, 1.0),
    "rule/momentum_decay": (0.95, 0.0, 0.9999),
    "rule/second_moment_decay": (0.95, 0.0, 0.9999),
}


@dataclasses.dataclass(frozen=True)
class LSTMStructure:
    """Sizes and inputs of an LSTM optimizer.

    Attributes:
        inputs: "log_sign", logarithm and sign of the gradient; or "moments", the gradient and its
            moving average, both divided by the root of the moving average of its square.
        units: of each layer.
        seed: seed of the untrained values.
    """

    inputs: str = "log_sign"
    units: int = 20
    seed: int = 0

    def __post_init__(self):
        if self.inputs not in INPUTS:
            raise ValueError(f"Expected inputs in {INPUTS}, received {self.inputs!r}.")
        if self.units < 1:
            raise ValueError(f"Expected units of at least 1, received {self.units}.")

    @property
    def state_shape(self) -> tuple[int, int]:
        """What is kept of a coordinate: rows h, c of layer 1, then h, c of layer 2."""
        return 2 * NUM_LAYERS, self.units

    def bounds(self) -> dict[str, tuple[float, float]]:
        """Smallest and largest value of the entries that have them."""
        return {name: RULE[name][1:] for name in self.shapes() if name in RULE}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every entry, in the order of the computation."""
        units, inputs = self.units, NUM_INPUTS
        shapes: dict[str, tuple[int, ...]] = {"rule/output_scale": ()}
        if self.inputs == "moments":
            shapes |= {"rule/momentum_decay": (), "rule/second_moment_decay": ()}
            shapes |= {"embedding/kernel": (NUM_INPUTS, units), "embedding/bias": (units,)}
            inputs = units
        for layer, width in ((1, inputs), (2, units)):
            # Columns: input, candidate, forget and output gate.
            shapes[f"layer_{layer}/kernel"] = (width + units, 4 * units)
            shapes[f"layer_{layer}/bias"] = (4 * units,)
        return shapes | {"output/kernel": (units,), "output/bias": ()}


@dataclasses.dataclass(frozen=True)
class LSTMParams(ParameterSet):
    """The meta-parameters of an LSTM optimizer: an `LSTMStructure` and its values."""

    structure_class = LSTMStructure
    untrained_name = "untrained"

    @classmethod
    def untrained(cls, structure: LSTMStructure | None = None) -> "LSTMParams":
        """Random values: kernels of deviation 1 / sqrt(rows), forget gates open, other biases 0."""
        structure = structure or LSTMStructure()
        random = np.random.RandomState(structure.seed)
        values = {}
        for name, shape in structure.shapes().items():
            if name in RULE:
                values[name] = RULE[name][0]
            elif name.endswith("kernel"):
                values[name] = random.standard_normal(shape) / np.sqrt(shape[0])
            else:
                values[name] = np.zeros(shape)
                if name.startswith("layer"):
                    # Open forget gates, so that gradients reach back from the first meta-step.
                    values[name][2 * structure.units : 3 * structure.units] = 1.0
        return cls(structure, values)
