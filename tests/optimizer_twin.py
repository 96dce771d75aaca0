"""Mnemosyne stepped beside its twin in NumPy: variables, gradients, and how far they part."""

import numpy as np
import tensorflow as tf

from mnemosyne_tf import reference
from mnemosyne_tf.parameter_roles import find_role
from mnemosyne_tf.update_rule import RuleSettings
from mnemosyne_tf.variable_plan import plan_variable

STEPS = 100
TABLE = "word_embeddings"
SHAPES = {
    "scalar": (),
    "vector": (7,),
    "output/bias": (50,),
    "matrix/kernel": (16, 12),
    "heads/kernel": (8, 2, 16),
    TABLE: (21, 9),
}


class Twin:
    """The NumPy state of one variable, stepped beside the optimizer."""

    def __init__(self, optimizer, variable):
        config = optimizer.get_config()
        self.meta_params = optimizer.meta_params
        self.settings = RuleSettings(
            total_steps=config["total_steps"],
            labels_per_step=config["labels_per_step"],
            weight_decay=config["weight_decay"] or 0.0,
            nesterov=config["nesterov"],
            matrix_scale=config["matrix_scale"],
            newton_schulz_iterations=config["newton_schulz_iterations"],
            newton_schulz_coefficients=config["newton_schulz_coefficients"],
            newton_schulz_wide_iterations=config["newton_schulz_wide_iterations"],
            attention_block=config["attention_block"],
        )
        self.plan = plan_variable(
            name=variable.name,
            shape=variable.shape,
            chunk_size=self.meta_params.structure.chunk_size,
            decayed=bool(self.settings.weight_decay) and "bias" not in variable.name,
            orthogonalise=config["orthogonalise"] and self.meta_params.structure.nominal_direction,
            attention_block=self.settings.attention_block,
        )
        self.role = find_role(variable.name, variable.shape).role
        self.learning_rate = config["learning_rate"]
        weight = tf.cast(variable, tf.float32).numpy()
        self.state = reference.ReferenceState.start(weight, self.plan, self.meta_params)
        self.step_count = 0
        self.largest = {"weight": 0.0, "momentum": 0.0}

    def step(self, gradient):
        reference.update(
            self.meta_params,
            tf.cast(tf.convert_to_tensor(gradient), tf.float64).numpy(),
            self.state,
            iterations=self.step_count,
            applied_steps=self.step_count,
            learning_rate=self.learning_rate,
            plan=self.plan,
            settings=self.settings,
            role=self.role,
        )
        self.step_count += 1
        for part, largest in self.largest.items():
            self.largest[part] = max(largest, np.abs(getattr(self.state, part)).max())

    def assert_same_state(self, optimizer, variable):
        """Every part of the state, to 1e-5 of its largest entry.

        Weight and momentum are sums of either sign. They err by a part of the largest that they
        have been, not of what the terms leave of each other.
        """
        name = variable.name.split(":")[0]
        variables = {each.name.split(":")[0]: each for each in optimizer.variables}
        pairs = {"weight": (variable, self.state.weight)}
        for part in ("momentum", "second_moment", "memory"):
            if getattr(self.state, part) is not None:
                pairs[part] = (variables[f"{part}/{name}"], getattr(self.state, part))
        multiplier = tf.exp(variables[f"log_multiplier/{name}"])
        pairs["multiplier"] = (multiplier, np.exp(self.state.log_multiplier))
        for part, (value, twin) in pairs.items():
            error = np.abs(tf.cast(value, tf.float64).numpy() - twin).max()
            error /= self.largest.get(part, np.abs(twin).max())
            assert error < 1e-5, f"{name}: {part} is off by {error}"


def make_variables(shapes, random, dtype=tf.float32):
    return [
        tf.Variable(tf.cast(0.1 * random.standard_normal(shape or None), dtype), name=name)
        for name, shape in shapes.items()
    ]


def sparse_gradient(variable, random, step):
    """Rows of a table, one of them twice; every tenth time none at all."""
    rows = [] if step % 10 == 3 else [1, 4, 1]
    values = random.standard_normal([len(rows), variable.shape[1]])
    return tf.IndexedSlices(
        tf.constant(values, variable.dtype),
        tf.constant(rows, tf.int32),
        tf.constant(variable.shape, tf.int32),
    )


def dense_gradient(variable, random):
    """Of a noisy quadratic, so that momentum, weight and gradient are correlated."""
    noise = random.standard_normal(variable.shape or None)
    return tf.cast(0.3 * tf.cast(variable, tf.float64) + noise, variable.dtype)


def run_beside_twins(optimizer, variables, *, after_step=lambda *_: None):
    optimizer.build(variables)
    twins = [Twin(optimizer, variable) for variable in variables]
    random = np.random.RandomState(1)

    specs = [
        tf.IndexedSlicesSpec(variable.shape, variable.dtype, tf.int32, tf.int32, [None])
        if TABLE in variable.name
        else tf.TensorSpec(variable.shape, variable.dtype)
        for variable in variables
    ]

    @tf.function(input_signature=[specs])
    def apply(gradients):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for step in range(STEPS):
        gradients = [
            sparse_gradient(variable, random, step)
            if TABLE in variable.name
            else dense_gradient(variable, random)
            for variable in variables
        ]
        apply(gradients)
        roles = [twin.role for twin in twins]
        before = reference.sizes_of_words([twin.state.weight for twin in twins], roles)
        for twin, gradient in zip(twins, gradients, strict=True):
            twin.step(gradient)
        exponent = float(optimizer.meta_params.values["rule/position_growth"])
        reference.grow_positions([twin.state.weight for twin in twins], roles, before, exponent)
        for twin, variable in zip(twins, variables, strict=True):
            after_step(twin, variable)
    for twin, variable in zip(twins, variables, strict=True):
        twin.assert_same_state(optimizer, variable)
