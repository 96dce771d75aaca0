import functools

import numpy as np
import pytest
import tensorflow as tf

from pipeline.optimizers.muon import Muon, MuonSquared, NorMuon

RATE, MU, B1, B2, EPSILON, DECAY = 0.1, 0.9, 0.8, 0.95, 1e-3, 0.3


def newton_schulz(matrix):
    """The quintic polynomial on the singular values of M / |M|, where it is a number each time."""
    left, values, right = np.linalg.svd(matrix / np.linalg.norm(matrix), full_matrices=False)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left @ np.diag(values) @ right


def muon(weight, gradients):
    momentum = np.zeros_like(weight)
    for g in gradients:
        momentum = MU * momentum + g
        step = 0.2 * np.sqrt(max(weight.shape)) * newton_schulz(g + MU * momentum)
        weight = weight - RATE * (step + DECAY * weight)
    return weight


def normuon(weight, gradients):
    """Its columns are what the paper calls rows: a Keras kernel multiplies from the right."""
    momentum, squares = np.zeros_like(weight), np.zeros(weight.shape[1])
    for g in gradients:
        momentum = MU * momentum + g
        moved = newton_schulz(g + MU * momentum)
        squares = B2 * squares + (1 - B2) * (moved**2).mean(axis=0)
        moved = moved / (np.sqrt(squares) + EPSILON)
        step = 0.2 * np.sqrt(weight.size) * moved / np.linalg.norm(moved)
        weight = weight - RATE * (step + DECAY * weight)
    return weight


def muon_squared(weight, gradients):
    m = v = np.zeros_like(weight)
    for t, g in enumerate(gradients, start=1):
        m = MU * m + (1 - MU) * g
        v = B2 * v + (1 - B2) * g**2
        moved = newton_schulz(m / (np.sqrt(v / (1 - B2**t)) + EPSILON))
        step = 0.2 * np.sqrt(max(weight.shape)) * moved
        weight = weight - RATE * (step + DECAY * weight)
    return weight


def adam(weight, gradients, rate=RATE):
    m = v = np.zeros_like(weight)
    for t, g in enumerate(gradients, start=1):
        m = B1 * m + (1 - B1) * g
        v = B2 * v + (1 - B2) * g**2
        weight = weight - rate * (m / (1 - B1**t)) / (np.sqrt(v / (1 - B2**t)) + EPSILON)
    return weight


@pytest.mark.parametrize(
    ("optimizer", "of_kernels"),
    [(Muon, muon), (NorMuon, normuon), (MuonSquared, muon_squared)],
)
def test_kernels_follow_the_formula_and_the_rest_adamw(
    optimizer, of_kernels, trained, start, gradients, error_of
):
    weights = trained(optimizer(RATE, MU, B1, B2, EPSILON, DECAY, jit_compile=False))
    for name, formula in (("dense/kernel", of_kernels), ("dense/bias", adam)):
        expected = formula(start[name], [step[name] for step in gradients])
        error = error_of(formula, name, has_norm=formula is not adam)
        np.testing.assert_allclose(weights[name], expected, rtol=0, atol=error)


def test_the_rest_has_a_rate_of_its_own(trained, start, gradients, error_of):
    half = functools.partial(adam, rate=RATE / 2)
    weights = trained(Muon(RATE, MU, B1, B2, EPSILON, DECAY, adamw_rate=0.5, jit_compile=False))
    expected = half(start["dense/bias"], [step["dense/bias"] for step in gradients])
    error = error_of(half, "dense/bias")
    np.testing.assert_allclose(weights["dense/bias"], expected, rtol=0, atol=error)


@pytest.mark.parametrize(
    ("name", "shape", "floats"),
    [
        ("dense/kernel", (12, 9), 1),
        ("conv/kernel", (3, 3, 4, 8), 1),
        ("word_embeddings", (12, 9), 2),
        ("dense/bias", (9,), 2),
        ("head/kernel", (12, 2), 2),
    ],
)
def test_matrices_keep_one_float_per_weight_and_the_rest_two(name, shape, floats):
    optimizer = Muon()
    optimizer.build([tf.Variable(tf.ones(shape), name=name)])
    state = optimizer.variables[3:]  # after the three counters
    assert sum(int(np.prod(variable.shape)) for variable in state) == floats * np.prod(shape)
