"""The LSTM optimizers compared with their NumPy twin, and the twin on a case worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import CoordinatewiseLSTM, LSTMParams, LSTMStructure, RNNprop
from mnemosyne_tf.lstm import reference

SHAPES = {"scalar": (), "output/bias": (7,), "kernel": (4, 3), "embeddings": (5, 2, 2)}


@pytest.mark.parametrize(
    ("optimizer_class", "jit_compile"),
    [(CoordinatewiseLSTM, False), (RNNprop, False), (RNNprop, True)],
)
def test_equals_its_twin_over_100_steps(optimizer_class, jit_compile):
    optimizer = optimizer_class(0.3, 0.01, jit_compile=jit_compile)
    random = np.random.RandomState(0)
    shapes = SHAPES if not jit_compile else {"output/bias": (7,)}
    variables = [
        tf.Variable(np.float32(random.standard_normal(shape or None)), name=name)
        for name, shape in shapes.items()
    ]
    optimizer.build(variables)
    twins = [
        reference.LSTMReferenceState.start(variable.numpy(), optimizer.meta_params)
        for variable in variables
    ]

    @tf.function
    def apply(gradients):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    # A weight is a sum of steps of either sign: it errs by a part of the largest it has been.
    largest = [np.abs(variable.numpy()).max() for variable in variables]
    for step in range(100):
        # Tiny ones now and then, on both sides of e^-10.
        scale = 1e-4 if step % 7 == 3 else 1.0
        gradients = [np.float32(scale * random.standard_normal(v.shape or None)) for v in variables]
        apply([tf.constant(gradient) for gradient in gradients])
        for twin, gradient, variable in zip(twins, gradients, variables, strict=True):
            decay = 0.0 if "bias" in variable.name else 0.01
            reference.update(
                optimizer.meta_params,
                np.float64(gradient),
                twin,
                learning_rate=0.3,
                weight_decay=decay,
            )
        weights = [np.abs(twin.weight).max() for twin in twins]
        largest = [max(pair) for pair in zip(largest, weights, strict=True)]
    for index, (twin, variable) in enumerate(zip(twins, variables, strict=True)):
        cells = optimizer._cells[index]
        pairs = [
            (variable, twin.weight, largest[index]),
            (cells, twin.cells, np.abs(twin.cells).max()),
        ]
        if optimizer_class is RNNprop:
            momentum, second_moment = optimizer._moments[index]
            of_twin = (twin.momentum, twin.second_moment)
            for value, expected in zip((momentum, second_moment), of_twin, strict=True):
                pairs.append((value, expected, np.abs(expected).max()))
        for value, expected, scale in pairs:
            # The bar of the design is 1e-5. A step errs by some 64 roundings of 0.3 * 0.1, a cell
            # forgets with the sigmoid of its gate; 100 steps add up by the root of their number.
            error = np.abs(value.numpy() - expected).max() / scale
            assert error < 1e-5, f"{variable.name} is off by {error}"


def test_one_step_of_one_unit_by_hand():
    structure = LSTMStructure(units=1)
    values = {name: np.zeros(shape) for name, shape in structure.shapes().items()}
    values["rule/output_scale"] = 0.1
    # Only the sign reaches the candidates: tanh(1), gates at one half.
    values["layer_1/kernel"] = [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    values["layer_2/kernel"] = [[0, 1, 0, 0], [0, 0, 0, 0]]
    values["output/kernel"], values["output/bias"] = [2.0], 0.5
    meta = LSTMParams(structure, values)
    state = reference.LSTMReferenceState.start(np.array(3.0), meta)
    reference.update(meta, np.array(9.0), state, learning_rate=0.5, weight_decay=0.0)
    first = 0.5 * np.tanh(0.5 * np.tanh(1.0))
    second = 0.5 * np.tanh(0.5 * np.tanh(first))
    expected = 3.0 - 0.5 * 0.1 * (2.0 * second + 0.5)
    assert float(state.weight) == pytest.approx(
        expected, rel=1e-7
    )  # meta-parameters are float32: 0.1 is off by 1.5e-8
