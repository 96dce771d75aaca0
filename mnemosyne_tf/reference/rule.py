"""The update of one variable in NumPy."""

import dataclasses
import math

import numpy as np

from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.parameter_roles import OTHER
from mnemosyne_tf.reference import levers
from mnemosyne_tf.reference.learned import encode, network, remember
from mnemosyne_tf.update_rule import RuleSettings
from mnemosyne_tf.variable_plan import VariablePlan


@dataclasses.dataclass
class ReferenceState:
    """A weight, its accumulators and its memory, float64; the shapes of `VariableState`."""

    weight: np.ndarray
    momentum: np.ndarray
    second_moment: np.ndarray
    memory: np.ndarray | None
    log_multiplier: float = 0.0
    sensors: np.ndarray | None = None

    @classmethod
    def start(cls, weight: np.ndarray, plan: VariablePlan, meta: MetaParams) -> "ReferenceState":
        """The state before the first step."""
        zeros = np.zeros(plan.shape)
        structure, is_model = meta.structure, meta.structure.level == "model"
        shape = structure.memory_shape if is_model else (plan.num_chunks, *structure.memory_shape)
        memory = np.zeros(shape) if structure.use_memory else None
        kept = np.zeros(levers.NUM_KEPT) if is_model else None
        weight = np.array(weight, np.float64)
        return cls(weight, zeros.copy(), zeros.copy(), memory, sensors=kept)


JORDAN = (3.4445, -4.7750, 2.0315)
YOU = ((4.0848, -6.8946, 2.9270), (3.9505, -6.3029, 2.6377), (3.7418, -5.5913, 2.3037),
       (2.8769, -3.1427, 1.2046), (2.8366, -3.0525, 1.2012))  # fmt: skip


def newton_schulz(matrix: np.ndarray, iterations: int, coefficients: str = "jordan") -> np.ndarray:
    """The quintic iteration on the matrix as it is, wide or tall."""
    x = matrix / np.sqrt((matrix**2).sum() + 1e-20)
    for step in range(iterations):
        a, b, c = JORDAN
        if coefficients == "you":
            # With fewer than five the ones before the last two are left out.
            left_out = max(0, 5 - iterations) if step >= iterations - 2 else 0
            a, b, c = YOU[min(step + left_out, 4)]
        x = a * x + b * (x @ x.T) @ x + c * (x @ x.T) @ ((x @ x.T) @ x)
    return x


def orthogonalise(matrix: np.ndarray, plan: VariablePlan, settings: RuleSettings) -> np.ndarray:
    """Each block of rows and columns by itself; whole wide matrices have another number."""
    iterations = settings.newton_schulz_iterations
    if plan.blocks == (1, 1) and max(matrix.shape) >= 2 * min(matrix.shape):
        iterations = settings.newton_schulz_wide_iterations or iterations
    rows = []
    for of_rows in np.split(matrix, plan.blocks[0], axis=0):
        blocks = []
        for block in np.split(of_rows, plan.blocks[1], axis=1):
            name = settings.newton_schulz_coefficients or "jordan"
            blocks.append(newton_schulz(block, iterations, name))
        rows.append(np.concatenate(blocks, axis=1))
    return np.concatenate(rows, axis=0)


def rate_multiplier(iteration: int, p, settings: RuleSettings) -> float:
    """Warm-up and decay of step `iteration`, counted from 0."""
    total_steps = settings.total_steps
    if total_steps is None:
        return min(1.0, (iteration + 1) / float(p["rule/warmup_steps"]))
    doublings = math.log2(min(max((settings.labels_per_step or 160) / 160, 1 / 8), 8))
    start = min(0.95, float(p["rule/decay_start"]) + doublings * float(p["rule/decay_delay"]))
    warmup = max(1.0, float(p["rule/warmup_fraction"]) * total_steps)
    constant = max(warmup, start * total_steps)
    left = (total_steps - iteration) / max(total_steps - constant, 1.0)
    decay = min(max(left, 0.0), 1.0) ** float(p["rule/decay_power"])
    return min((iteration + 1) / warmup, decay)


def run_scale(p, settings: RuleSettings) -> float:
    """What labels and steps of the run make of the rates; 160 and 600 leave them as they are."""
    labels, steps = settings.labels_per_step or 160, settings.total_steps or 600
    labels_ratio, steps_ratio = np.clip([labels / 160, steps / 600], 1 / 8, 8)
    return labels_ratio ** p["rule/batch_exponent"] * steps_ratio ** p["rule/length_exponent"]


def update(
    meta: MetaParams,
    gradient: np.ndarray,
    state: ReferenceState,
    *,
    iterations: int,
    applied_steps: int,
    learning_rate: float,
    plan: VariablePlan,
    settings: RuleSettings,
    role: str = OTHER,
    offsets: np.ndarray | None = None,
) -> None:
    """One step of one variable; `state` is changed in place.

    Args:
        meta: the meta-parameters.
        gradient: shape of the variable.
        state: before the step, after it on return.
        iterations: steps taken before, skipped ones included.
        applied_steps: steps applied before.
        learning_rate: the user's multiplier.
        plan: static facts of the variable.
        settings: the user's choices.
        role: of the variable; kernels and vectors without a telling name keep the built-in rates.
        offsets: its row of `levers.read_levers`, at the level of the model.
    """
    p = {name: np.asarray(value, np.float64) for name, value in meta.values.items()}
    of_role = role.translate(str.maketrans(" /-", "___"))
    horizon = p.get("rule/role_horizon/" + of_role, 1.0)
    decays = p["rule/momentum_decay"], p["rule/second_moment_decay"]
    b1, b2 = (1.0 - (1.0 - decay) / horizon for decay in decays)
    step = applied_steps + 1
    of_rate = of_decay = 1.0
    if offsets is not None:
        of_rate, of_decay = np.exp(offsets[0]), np.exp(offsets[2])
        b1 = max(1.0 - (1.0 - b1) * np.exp(offsets[1]), 1e-3)
        state.sensors[:2] += 1.0, np.log(b1)
    kept = b1**step if offsets is None else np.exp(state.sensors[1])
    state.momentum = b1 * state.momentum + (1 - b1) * gradient
    state.second_moment = b2 * state.second_moment + (1 - b2) * gradient**2
    root = np.sqrt(state.second_moment / (1 - b2**step) + 1e-16)
    momentum = state.momentum / (1 - kept) / root
    if settings.nesterov and meta.structure.nominal_direction:
        momentum = b1 * momentum + (1 - b1) * gradient / root
    flat = np.stack([(gradient / root).ravel(), momentum.ravel(), state.weight.ravel()])
    chunks = [flat[:, i : i + plan.chunk_len] for i in range(0, flat.shape[1], plan.chunk_len)]

    total = settings.total_steps
    progress = [0.0, 0.0] if total is None else [1.0, min(1.0, iterations / total)]
    log_multipliers, film = np.zeros(len(chunks)), [None] * len(chunks)
    if offsets is None:
        tokens = encode(p, meta, chunks, progress)
        if meta.structure.use_memory:
            tokens = remember(p, meta, tokens, state.memory)
        log_multipliers = 2.0 * np.tanh(tokens @ p["step_head/kernel"] + p["step_head/bias"])
        film = tokens @ p["film_head/kernel"] + p["film_head/bias"]
    state.log_multiplier = log_multipliers.mean()

    rms = np.sqrt((flat**2).mean(axis=1, keepdims=True) + 1e-16)
    matrix = plan.matrix_shape is not None
    pieces = []
    for chunk, log_multiplier, terms in zip(chunks, log_multipliers, film, strict=True):
        piece = chunk[1] / max(1.0, rms[1, 0]) if meta.structure.nominal_direction else 0.0
        if offsets is None and (not matrix or meta.structure.network_on_matrices):
            piece = piece + network(p, np.clip(chunk / rms, -8.0, 8.0), terms)
        pieces.append(piece if matrix else piece * np.exp(log_multiplier))
    direction = np.concatenate(pieces).reshape(plan.shape)
    if matrix:
        fan_in, fan_out = plan.matrix_shape
        orthogonal = orthogonalise(direction.reshape(fan_in, fan_out), plan, settings)
        scale = 1.6 * math.sqrt(max(1.0, fan_out / fan_in))
        if settings.matrix_scale == "rms":
            scale = 0.2 * math.sqrt(max(fan_in, fan_out))
        direction = (scale * np.exp(state.log_multiplier) * orthogonal).reshape(plan.shape)
    rate = p["rule/matrix_rate"] if matrix else p["rule/elementwise_rate"]
    rate = rate * plan.rate_scale * learning_rate * rate_multiplier(iterations, p, settings)
    rate *= run_scale(p, settings)
    rate *= p.get("rule/role_rate/" + of_role, 1.0)
    rate *= of_rate
    if plan.decayed:
        direction = direction + of_decay * settings.weight_decay * state.weight
    if offsets is not None:
        state.log_multiplier = offsets[0]
        levers.sense(state, gradient, state.momentum / (1 - kept), momentum, direction, rate)
    state.weight = state.weight - rate * direction
