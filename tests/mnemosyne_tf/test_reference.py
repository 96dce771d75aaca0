"""The optimizer beside its twin in NumPy for 100 steps."""

import dataclasses

import numpy as np
import pytest
from optimizer_twin import SHAPES, TABLE, make_variables, run_beside_twins

from mnemosyne_tf import Mnemosyne
from mnemosyne_tf.parameter_roles import HORIZON_ENTRIES, RATE_ENTRIES

SOME = {name: SHAPES[name] for name in ("output/bias", "heads/kernel", TABLE)}
# Without chunks: smaller ones, because the twin takes a loop for each coordinate.
FEW = {"scalar": (), "output/bias": (7,), "matrix/kernel": (9, 8), TABLE: (5, 3)}
# Each variant of the paper, and each of ours, is a setting: structure, optimizer, shapes.
VARIANTS = {
    "pooled": ({}, {"total_steps": 120, "weight_decay": 0.1}, SHAPES),
    "pooled by Performers": ({"level_1": "performer"}, {"matrix_scale": "rms"}, SOME),
    "coordinate-wise": ({"level_1": "none", "chunk_size": 1}, {}, FEW),
    "fully learned": (
        {"level_1": "none", "chunk_size": 1, "nominal_direction": False},
        {"total_steps": 90},
        {"scalar": (), "matrix/kernel": (9, 8)},
    ),
    "three decay rates": ({"num_memory_heads": 3}, {"total_steps": 80}, SOME),
    "without level 2": ({"level_2": "none"}, {"total_steps": 90, "labels_per_step": 320}, SOME),
    "without memory": (
        {"use_memory": False},
        {"newton_schulz_iterations": 3, "labels_per_step": 99_000},
        SOME,
    ),
    "without orthogonalisation": ({}, {"orthogonalise": False}, SOME),
    "heads in blocks": (
        {},
        {
            "attention_block": 8,
            "newton_schulz_coefficients": "you",
            "newton_schulz_iterations": 4,
            "newton_schulz_wide_iterations": 3,
        },
        {"query/kernel": (17, 2, 8), "attention_output/kernel": (2, 8, 17), "dense/kernel": (9, 8)},
    ),
    "without Nesterov": ({}, {"nesterov": False}, SOME),
    "network on matrices": ({"network_on_matrices": True}, {"weight_decay": None}, SOME),
}


# All of it takes most of a minute; the others differ from these in less.
FAST = ("pooled", "coordinate-wise", "fully learned", "three decay rates")


@pytest.mark.parametrize(
    "variant",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in VARIANTS],
)
def test_every_variant_is_a_setting_and_equals_its_twin_over_100_steps(
    small_structure, live_meta_params, variant
):
    changes, settings, shapes = VARIANTS[variant]
    structure = dataclasses.replace(small_structure, **changes)
    optimizer = Mnemosyne(
        0.5, meta_params=live_meta_params(structure), jit_compile=False, **settings
    )
    run_beside_twins(optimizer, make_variables(shapes, np.random.RandomState(0)))


@pytest.mark.parametrize("changes", [{}, {"num_memory_heads": 2}], ids=["pooled", "two rates"])
def test_compiled_update_equals_its_twin_over_100_steps(small_structure, live_meta_params, changes):
    structure = dataclasses.replace(small_structure, **changes)
    optimizer = Mnemosyne(meta_params=live_meta_params(structure), total_steps=100)
    shapes = {"heads/kernel": SHAPES["heads/kernel"]}
    run_beside_twins(optimizer, make_variables(shapes, np.random.RandomState(0)))


@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_rates_and_horizons_by_role_equal_the_twin_over_100_steps(
    small_structure, live_meta_params, jit_compile
):
    """Every role has its own; variables of one plan and several roles are moved together."""
    shapes = {
        f"{name}/kernel": (9, 8) for name in ("query", "value", "intermediate", "fc2", "dense")
    } | {"layer_norm/gamma": (8,), "query/bias": (8,), "position_embeddings": (9, 8)}
    rates = {role: 0.5 + 0.25 * index for index, role in enumerate(RATE_ENTRIES)}
    horizons = {role: 1.0 + 0.5 * index for index, role in enumerate(HORIZON_ENTRIES)}
    optimizer = Mnemosyne(
        meta_params=live_meta_params(small_structure),
        role_rates=rates,
        role_horizons=horizons,
        weight_decay=None,
        jit_compile=jit_compile,
    )
    run_beside_twins(optimizer, make_variables(shapes, np.random.RandomState(0)))
