"""The learned part at the level of the model and its twin, in most cases for 100 steps."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf import Mnemosyne, Structure, reference
from mnemosyne_tf.learned.model_level import descriptors
from mnemosyne_tf.parameter_roles import find_role
from mnemosyne_tf.rule_settings import RuleSettings
from mnemosyne_tf.variable_plan import plan_variable

STEPS = 100
SHAPES = {
    "layer_0/query/kernel": (12, 9),
    "layer_1/query/kernel": (12, 9),
    "layer_1/query/bias": (9,),
    "word_embeddings": (21, 9),
    "scale": (),
}
MODEL = Structure(level="model", width=4, num_random_features=8, num_memory_heads=2)
VARIANTS = {
    "memory": {},
    "without memory": {"use_memory": False},
    "without attention": {"level_2": "none", "num_memory_heads": 1},
}
HORIZONS = {"word table": 3.0}
# Of so many coordinates every third row is measured.
LARGE = {"word_embeddings": (3200, 64)}


class TwinModel:
    """The NumPy states of all variables of a model, stepped with the optimizer."""

    def __init__(self, optimizer, variables, total_steps):
        self.meta_params = optimizer.meta_params
        self.settings = RuleSettings(total_steps=total_steps, weight_decay=0.1)
        self.names = [variable.name for variable in variables]
        self.roles = [find_role(v.name, v.shape).role for v in variables]
        self.plans = [
            plan_variable(
                name=variable.name,
                shape=variable.shape,
                chunk_size=1024,
                decayed="bias" not in variable.name and "scale" not in variable.name,
                orthogonalise=True,
            )
            for variable in variables
        ]
        self.descriptors = descriptors(self.names, self.roles, self.plans)
        self.states = [
            reference.ReferenceState.start(variable.numpy(), plan, self.meta_params)
            for variable, plan in zip(variables, self.plans, strict=True)
        ]

    def step(self, step, gradients):
        offsets = reference.read_levers(
            self.meta_params,
            self.states,
            self.descriptors.astype(np.float64),
            iterations=step,
            total_steps=self.settings.total_steps,
        )
        rows = zip(gradients, self.states, self.plans, self.roles, offsets, strict=True)
        for gradient, state, plan, role, of_tensor in rows:
            reference.update(
                self.meta_params,
                np.asarray(gradient, np.float64),
                state,
                iterations=step,
                applied_steps=step,
                learning_rate=1.0,
                plan=plan,
                settings=self.settings,
                role=role,
                offsets=of_tensor,
            )


def gradients_of(variables, step):
    random = np.random.RandomState(step)
    return [
        np.float32(0.3 * variable.numpy() + random.standard_normal(variable.shape or None))
        for variable in variables
    ]


# One structure is enough for XLA; the others differ in less.
@pytest.mark.parametrize(
    ("variant", "jit_compile", "steps", "shapes", "horizons"),
    [
        *((variant, False, STEPS, SHAPES, HORIZONS) for variant in VARIANTS),
        ("memory", True, STEPS, SHAPES, HORIZONS),
        ("memory", False, 10, SHAPES | LARGE, {}),
    ],
)
def test_levers_equal_their_twin(live_meta_params, variant, jit_compile, steps, shapes, horizons):
    structure = dataclasses.replace(MODEL, **VARIANTS[variant])
    total_steps = 120 if variant == "memory" else None
    optimizer = Mnemosyne(
        total_steps=total_steps,
        weight_decay=0.1,
        meta_params=live_meta_params(structure),
        role_horizons=horizons,
        jit_compile=jit_compile,
    )
    random = np.random.RandomState(0)
    variables = [
        tf.Variable(np.float32(0.1 * random.standard_normal(shape or None)), name=name)
        for name, shape in shapes.items()
    ]
    optimizer.build(variables)
    twin = TwinModel(optimizer, variables, total_steps)

    @tf.function
    def apply(gradients):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    # Sums of either sign: they err by a part of the largest that they have been.
    largest = {(name, part): 0.0 for name in shapes for part in ("weight", "momentum")}
    for step in range(steps):
        gradients = gradients_of(variables, step)
        apply([tf.constant(gradient) for gradient in gradients])
        twin.step(step, gradients)
        states = dict(zip(shapes, twin.states, strict=True))
        for (name, part), before in largest.items():
            largest[name, part] = max(before, np.abs(getattr(states[name], part)).max())
    kept = {each.name.split(":")[0]: each for each in optimizer.variables}
    for variable, name, state in zip(variables, shapes, twin.states, strict=True):
        pairs = {"weight": (variable, state.weight)}
        for part in ("momentum", "second_moment", "memory", "sensors"):
            if getattr(state, part) is not None:
                pairs[part] = (kept[f"{part}/{name}"], getattr(state, part))
        multiplier = tf.exp(kept[f"log_multiplier/{name}"])
        pairs["multiplier"] = (multiplier, np.exp(state.log_multiplier))
        for part, (value, of_twin) in pairs.items():
            scale = largest.get((name, part), np.abs(of_twin).max())
            error = np.abs(value.numpy() - of_twin).max() / scale
            assert error < 1e-5, f"{name}: {part} is off by {error}"
