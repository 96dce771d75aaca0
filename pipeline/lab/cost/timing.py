"""Updates timed in turn in one process: Mnemosyne's variants and a fused AdamW."""

from __future__ import annotations

import dataclasses
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from mnemosyne_tf import MetaParams, Mnemosyne, Structure
from pipeline.lab.cost import shapes
from pipeline.lab.cost.shapes import Variables

ADAMW = "fused AdamW"
# What an update must move: gradient and three states read, three written, float32.
FLOOR_BYTES = 28
_COORDINATEWISE = {"chunk_size": 1, "level_1": "none"}


class Variant(NamedTuple):
    """An optimizer whose update is measured.

    Attributes:
        live_heads: whether heads are not zero.
        orthogonalise: as in `Mnemosyne`.
        structure: changes of the structure.
        settings: arguments of `Mnemosyne`.
    """

    live_heads: bool = False
    orthogonalise: bool = True
    structure: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}


# Name: settings of the orthogonalisation, in the table of `levers`. 128 columns are two heads of
# most BERTs; the default is one, and three iterations where a whole kernel is wide.
_WHOLE: dict[str, Any] = {"attention_block": None}
_ALL_IN_FIVE: dict[str, Any] = {"newton_schulz_wide_iterations": None}
LEVERS: dict[str, dict[str, Any]] = {
    "whole kernels, wide in 5": {**_WHOLE, **_ALL_IN_FIVE},
    "whole kernels": _WHOLE,
    "wide in 5": _ALL_IN_FIVE,
    "heads in pairs": {"attention_block": 128},
    "default": {},
    "you in 4": {"newton_schulz_coefficients": "you", "newton_schulz_iterations": 4},
}
VARIANTS = {
    "default": Variant(),
    "no orthogonalisation": Variant(orthogonalise=False),
    "trained heads": Variant(live_heads=True),
    "trained heads, no orthogonalisation": Variant(live_heads=True, orthogonalise=False),
    "trained heads, no memory": Variant(live_heads=True, structure={"use_memory": False}),
    "trained heads, performer": Variant(live_heads=True, structure={"level_1": "performer"}),
    "trained heads, coordinate-wise": Variant(live_heads=True, structure=_COORDINATEWISE),
    **{name: Variant(settings=settings) for name, settings in LEVERS.items() if settings},
}


# Level 1 "performer" makes arrays of 16 and more floats a weight and takes minutes.
MEASURED = tuple(
    name for name in VARIANTS if "performer" not in name and not VARIANTS[name].settings
)


def check_known(variants: Sequence[str]) -> None:
    """Raises ValueError where one is no key of `VARIANTS`."""
    if unknown := set(variants) - set(VARIANTS):
        raise ValueError(
            f"--variants: expected some of {', '.join(VARIANTS)}; received "
            f"{', '.join(sorted(unknown))}."
        )


def structure_of(variant: str) -> Structure:
    """The structure of a variant."""
    return Structure(**VARIANTS[variant].structure)


def kept_structure(variant: str) -> Structure:
    """The structure that determines a variant's state: heads of zeros keep no memory."""
    structure = structure_of(variant)
    live = VARIANTS[variant].live_heads
    return dataclasses.replace(structure, use_memory=structure.use_memory and live)


def make_optimizer(variant: str) -> Mnemosyne:
    """The variant; "trained heads" are random ones, which cost what trained ones would."""
    live, orthogonalise, _, settings = VARIANTS[variant]
    meta_params = MetaParams.nominal(structure_of(variant))
    if live:
        random = np.random.RandomState(0)
        values = {
            name: value if name.startswith("rule/") else value + 0.1 * random.randn(*value.shape)
            for name, value in meta_params.values.items()
        }
        meta_params = MetaParams(meta_params.structure, values)
    return Mnemosyne(meta_params=meta_params, orthogonalise=orthogonalise, **settings)


def make_variables(variables: Variables) -> tuple[list[tf.Variable], list[tf.Tensor]]:
    """Random weights and gradients of the given names and shapes."""
    weights = [
        tf.Variable(0.02 * tf.random.stateless_normal(shape, [1, i]), name=name.split(":")[0])
        for i, (name, shape) in enumerate(variables)
    ]
    gradients = [
        tf.random.stateless_normal(shape, [2, i]) for i, (_, shape) in enumerate(variables)
    ]
    return weights, gradients


def fused_adamw(weights: Sequence[tf.Variable]) -> Callable[[Sequence[tf.Tensor]], None]:
    """AdamW as one XLA program for all variables, in place: the least an update can do."""
    momenta, second_moments = (
        [tf.Variable(tf.zeros_like(weight)) for weight in weights] for _ in range(2)
    )
    steps = tf.Variable(0.0)

    @tf.function(jit_compile=True, autograph=False)
    def update(gradients):
        steps.assign_add(1.0)
        corrections = [1.0 - tf.pow(decay, steps) for decay in (0.9, 0.999)]
        for weight, gradient, m, v in zip(weights, gradients, momenta, second_moments, strict=True):
            m.assign(0.9 * m + 0.1 * gradient)
            v.assign(0.999 * v + 0.001 * tf.square(gradient))
            direction = m / corrections[0] / (tf.sqrt(v / corrections[1]) + 1e-6)
            weight.assign_sub(1e-4 * (direction + 0.01 * weight))

    return update


def keras_step(optimizer, weights) -> Callable[[Sequence[tf.Tensor]], None]:
    """One step of a Keras optimizer as a graph, as a training loop has it."""
    optimizer.build(weights)
    return tf.function(
        lambda gradients: optimizer.apply_gradients(zip(gradients, weights, strict=True)),
        autograph=False,
    )


def measure(
    variables: Variables, variants: Sequence[str], *, repeats: int
) -> dict[str, dict[str, float]]:
    """CPU seconds of compiling and updating, memory and state of AdamW and each variant.

    Returns:
        Figures by contestant: `compile_seconds`, `update_seconds` (median), `times_adamw`,
        `peak_mb` (resident memory beyond the weights and gradients while it compiles and runs
        once) and `state_floats_per_weight`, counted from the optimizer's variables.
    """
    weights, gradients = make_variables(variables)
    count = shapes.num_weights(variables)
    steps: dict[str, Callable] = {}
    results: dict[str, dict[str, float]] = {}
    for name in (ADAMW, *variants):
        before = _reset_peak()
        if name == ADAMW:
            steps[name], state = fused_adamw(weights), 2 * count
        else:
            optimizer = make_optimizer(name)
            steps[name] = keras_step(optimizer, weights)
            # The first three are counters.
            state = sum(int(np.prod(each.shape)) for each in optimizer.variables[3:])
        results[name] = {
            "compile_seconds": _cpu_seconds(steps[name], gradients),
            "peak_mb": _peak() - before,
            "state_floats_per_weight": state / count,
        }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            times[name].append(_cpu_seconds(step, gradients))
    for name in steps:
        results[name]["update_seconds"] = statistics.median(times[name])
    for figures in results.values():
        figures["times_adamw"] = figures["update_seconds"] / results[ADAMW]["update_seconds"]
    return results


def measure_by_kind(variables: Variables, *, repeats: int) -> dict[str, float]:
    """CPU seconds of a large model's update: one variable of each kind timed, times their number.

    Returns:
        Seconds by contestant: AdamW, "default" and "no orthogonalisation".
    """
    totals = dict.fromkeys((ADAMW, "default", "no orthogonalisation"), 0.0)
    for name, shape, count in shapes.counted(variables):
        measured = measure([(name, shape)], list(totals)[1:], repeats=repeats)
        for contestant in totals:
            totals[contestant] += count * measured[contestant]["update_seconds"]
    return totals


def seconds_of_levers(variables: Variables, *, repeats: int) -> dict[str, float]:
    """CPU seconds of an update with each of `LEVERS`, counted as in `measure_by_kind`."""
    totals = dict.fromkeys(LEVERS, 0.0)
    for name, shape, count in shapes.counted(variables):
        # Whatever is not orthogonalised costs the same with all of them.
        names = list(LEVERS) if shapes.is_orthogonalised(name, shape) else ["default"]
        measured = measure([(name, shape)], names, repeats=repeats)
        for lever in totals:
            figures = measured[lever if lever in measured else "default"]
            totals[lever] += count * figures["update_seconds"]
    return totals


def machine(*, repeats: int, size: int = 1024) -> Mapping[str, float]:
    """Measured peaks of the core: bytes a second moved, floating-point operations of products."""
    x, y = tf.ones([64 * size**2 // 4]), tf.Variable(tf.ones([64 * size**2 // 4]))
    square = tf.ones([size, size])
    add = tf.function(lambda x: y.assign_add(x), jit_compile=True, autograph=False)
    product = tf.function(tf.matmul, jit_compile=True, autograph=False)
    add(x), product(square, square)
    moving = min(_cpu_seconds(add, x) for _ in range(repeats))
    multiplying = min(_cpu_seconds(product, square, square) for _ in range(repeats))
    return {
        "bytes_per_second": 3 * 4 * x.shape[0] / moving,
        "matmul_flops_per_second": 2 * size**3 / multiplying,
    }


def _cpu_seconds(function, *args) -> float:
    start = time.process_time()
    function(*args)
    return time.process_time() - start


def _reset_peak() -> float:
    """Forgets the peak of resident memory, where the kernel lets us; returns it, in MB."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass
    return _peak()


def _peak() -> float:
    with open("/proc/self/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024 / 1e6
