"""Every optimizer behind one face, and the little problem that all of them are tried on.

A new optimizer enters the suite with one line of `MAKERS`.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import (
    CoordinatewiseLSTM,
    LSTMParams,
    LSTMStructure,
    MetaParams,
    Mnemosyne,
    RNNprop,
    Structure,
)
from mnemosyne_tf.guarded_optimizer import GuardedOptimizer
from pipeline.optimizers.table import FOR_PROMPTS, HAND_DESIGNED

SHAPES = {"dense/kernel": (12, 9), "dense/bias": (9,), "scale": ()}
PERFORMER = Structure(
    chunk_size=16, width=4, num_random_features=8, hidden_units=2, level_1="performer"
)
# One token a tensor, with two memories, which moves the levers of the rule.
MEMORY = Structure(level="model", width=4, num_random_features=8, num_memory_heads=2)


def live(structure):
    """Meta-parameters of a structure whose heads are not zero, as after training."""
    random = np.random.RandomState(7)
    values = {
        name: value if name.startswith("rule/") else value + 0.3 * random.randn(*value.shape)
        for name, value in MetaParams.nominal(structure).values.items()
    }
    return MetaParams(structure, values)


def little_lstm(inputs):
    """Meta-parameters of an LSTM of three units, untrained: it moves at random."""
    return LSTMParams.untrained(LSTMStructure(inputs=inputs, units=3))


MAKERS = {
    "mnemosyne": (Mnemosyne, {"learning_rate": 1.0, "total_steps": 20}),
    "mnemosyne_performer": (
        Mnemosyne,
        {"learning_rate": 1.0, "total_steps": 20, "meta_params": live(PERFORMER)},
    ),
    "mnemosyne_memory": (
        Mnemosyne,
        {"learning_rate": 1.0, "total_steps": 20, "meta_params": live(MEMORY)},
    ),
    "coordinatewise_lstm": (
        CoordinatewiseLSTM,
        {"learning_rate": 1.0, "meta_params": little_lstm("log_sign")},
    ),
    "rnnprop": (RNNprop, {"learning_rate": 1.0, "meta_params": little_lstm("moments")}),
    **{
        row.name: (
            row.load(),
            {"learning_rate": 0.01 if row.name == "lion" else 0.05, **row.settings},
        )
        for row in (*HAND_DESIGNED, *FOR_PROMPTS)
    },
}


# Unit roundoff of float32: one operation is off by at most this fraction of its result.
ROUNDOFF = float(np.finfo(np.float32).eps) / 2
# Weights and gradients here are standard normal, 118 of them: 4 is above the largest.
LARGEST = 4.0
# What a step makes of an error of its gradient. Newton-Schulz brings the smallest singular value s
# of a matrix of norm 1 to about 1.2, and errors along it; s of 12 x 9 Gaussian numbers is 1/23 on
# the average, 1/50 rarely (Edelman 1988). The others divide by roots: a small factor.
AMPLIFICATIONS = dict.fromkeys(
    ("mnemosyne", "mnemosyne_performer", "mnemosyne_memory", "muon", "normuon", "muon_squared"),
    60.0,
)
# The longest step of a weight: Mnemosyne's rate of a matrix (0.012, 1.2 for a short run) times 1.6,
# live heads times e^2; of the others three times the rate, of SGD ten times that of its gradients.
STEPS = {
    "mnemosyne": 0.023,
    "mnemosyne_performer": 0.17,
    "mnemosyne_memory": 0.17,
    "sgd": 0.05 * 10 * LARGEST,
}


class Contestant:
    """One optimizer: `make(**settings)`, and whether it is ours, with float32 state."""

    def __init__(self, name):
        self.name = name
        self._kind, self._settings = MAKERS[name]
        self.rate = self._settings["learning_rate"]
        self.trained = name not in ("coordinatewise_lstm", "rnnprop")
        self.ours = issubclass(self._kind, GuardedOptimizer)

    def make(self, **settings):
        """Without XLA unless asked: what compiles has tests of its own."""
        defaults = {"weight_decay": 0.01, "jit_compile": False}
        return self._kind(**{**defaults, **self._settings, **settings})

    def bound(self, steps):
        """How far one arithmetic in two orders may put a weight apart in so many steps.

        A step rounds the weight, and its direction errs by sums of 108 terms, by the root of their
        number (Higham and Mary 2019), amplified. Errors of steps are independent and add up by the
        root of their number; four standard deviations are allowed.
        """
        direction = STEPS.get(self.name, 3 * self.rate) * AMPLIFICATIONS.get(self.name, 3.0)
        return 4.0 * steps**0.5 * (direction * 108**0.5 + LARGEST) * ROUNDOFF

    def must_be_ours(self, reason):
        """Leaves the fact out, and says why, for an optimizer that is Keras's own."""
        if not self.ours:
            pytest.skip(f"{self.name} is Keras's own: {reason}")

    def left_out(self, names, reason):
        """Leaves the fact out, and says why, if the optimizer is among `names`."""
        if self.name in names:
            pytest.skip(f"{self.name}: {reason}")

    def must_be_trained(self):
        """Leaves the fact out for the LSTM optimizers, which have no rule to fall back on."""
        if not self.trained:
            pytest.skip(f"{self.name} is not meta-trained and moves at random")


@pytest.fixture(params=MAKERS)
def contestant(request):
    return Contestant(request.param)


def make_variables(dtype=tf.float32):
    random = np.random.RandomState(0)
    return [
        tf.Variable(tf.cast(random.randn(*shape), dtype), name=name)
        for name, shape in SHAPES.items()
    ]


def make_gradients(step, dtype=tf.float32):
    random = np.random.RandomState(1000 + step)
    return [tf.cast(random.randn(*shape), dtype) for shape in SHAPES.values()]


@pytest.fixture(scope="session")
def contestant_names():
    return list(MAKERS)


class Problem:
    """Three variables, gradients that are a function of the step, and what became of them."""

    shapes = SHAPES
    variables = staticmethod(make_variables)
    gradients = staticmethod(make_gradients)

    @staticmethod
    def apply(optimizer, gradients, variables):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    @staticmethod
    def flat(variables):
        return np.concatenate([np.ravel(variable.numpy()) for variable in variables])

    def trained(self, optimizer, steps=3):
        """Weights, flat, after so many eager steps."""
        variables = self.variables()
        for step in range(steps):
            self.apply(optimizer, self.gradients(step), variables)
        return self.flat(variables)

    def graph_step(self, optimizer, variables):
        """One step as a graph, the optimizer built."""
        optimizer.build(variables)
        return tf.function(functools.partial(self.apply, optimizer, variables=variables))


@pytest.fixture(scope="session")
def problem():
    return Problem()
