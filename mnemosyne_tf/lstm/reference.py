"""The LSTM optimizers in NumPy: slow, obvious, float64, one coordinate after the other.

The twin of `update_rule.update` for tests and for readers; nothing is shared with the TensorFlow
code but the meta-parameters.
"""

import dataclasses
import math

import numpy as np

from mnemosyne_tf.lstm.params import LSTMParams


@dataclasses.dataclass
class LSTMReferenceState:
    """A weight, its cells `[num_coords, 4, units]` and its accumulators, float64."""

    weight: np.ndarray
    cells: np.ndarray
    momentum: np.ndarray
    second_moment: np.ndarray
    steps: int = 0

    @classmethod
    def start(cls, weight: np.ndarray, meta: LSTMParams) -> "LSTMReferenceState":
        """The state before the first step."""
        weight = np.array(weight, np.float64)
        cells = np.zeros([weight.size, *meta.structure.state_shape])
        return cls(weight, cells, np.zeros_like(weight), np.zeros_like(weight))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """The logistic function."""
    return 1.0 / (1.0 + np.exp(-x))


def log_and_sign(gradient: float) -> np.ndarray:
    """Both inputs of one coordinate, in the words of the paper."""
    if abs(gradient) >= math.exp(-10.0):
        return np.array([math.log(abs(gradient)) / 10.0, math.copysign(1.0, gradient)])
    return np.array([-1.0, math.exp(10.0) * gradient])


def layer(p, name: str, x: np.ndarray, h: np.ndarray, c: np.ndarray):
    """One LSTM layer, one coordinate: h and c after."""
    units = len(h)
    kernel, bias = p[f"{name}/kernel"], p[f"{name}/bias"]
    gates = x @ kernel[: len(x)] + h @ kernel[len(x) :] + bias
    admit, candidate, keep, show = (gates[i * units : (i + 1) * units] for i in range(4))
    c = sigmoid(keep) * c + sigmoid(admit) * np.tanh(candidate)
    return sigmoid(show) * np.tanh(c), c


def update(
    meta: LSTMParams,
    gradient: np.ndarray,
    state: LSTMReferenceState,
    *,
    learning_rate: float,
    weight_decay: float,
) -> None:
    """One step of one variable; `state` is changed in place.

    Args:
        meta: the meta-parameters.
        gradient: shape of the variable.
        state: before the step, after it on return.
        learning_rate: the user's multiplier.
        weight_decay: fraction of the weight taken per unit of learning rate.
    """
    p = {name: np.asarray(value, np.float64) for name, value in meta.values.items()}
    state.steps += 1
    answers = []
    if meta.structure.inputs == "moments":
        b1, b2 = p["rule/momentum_decay"], p["rule/second_moment_decay"]
        state.momentum = b1 * state.momentum + (1 - b1) * gradient
        state.second_moment = b2 * state.second_moment + (1 - b2) * gradient**2
        root = np.sqrt(state.second_moment / (1 - b2**state.steps) + 1e-16)
        pairs = [(state.momentum / (1 - b1**state.steps) / root).ravel(), (gradient / root).ravel()]
        embedded = np.stack(pairs, axis=1) @ p["embedding/kernel"] + p["embedding/bias"]
        inputs = np.where(embedded > 0, embedded, np.expm1(np.minimum(embedded, 0.0)))
    else:
        inputs = np.array([log_and_sign(each) for each in np.ravel(gradient)])
    for x, cells in zip(inputs, state.cells, strict=True):
        cells[0], cells[1] = layer(p, "layer_1", x, cells[0], cells[1])
        cells[2], cells[3] = layer(p, "layer_2", cells[0], cells[2], cells[3])
        answers.append(cells[2] @ p["output/kernel"] + p["output/bias"])
    answer = np.reshape(answers, state.weight.shape)
    if meta.structure.inputs == "moments":
        answer = np.tanh(answer)
    step = p["rule/output_scale"] * answer + weight_decay * state.weight
    state.weight = state.weight - learning_rate * step
