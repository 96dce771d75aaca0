"""The whole update in NumPy: slow, obvious, float64, one function per sentence of the paper.

The twin of `update_rule.update` for tests and for readers. Nothing is fused, nothing is shared with
the TensorFlow code but the meta-parameters, the variable plan and the random directions: chunks are
a Python loop, attention is written as sums over tokens, phi with all of its factors.
"""

import dataclasses
import math

import numpy as np

from mnemosyne_tf.learned.random_features import orthogonal_projection
from mnemosyne_tf.meta_params import MetaParams
from mnemosyne_tf.parameter_roles import OTHER
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

    @classmethod
    def start(cls, weight: np.ndarray, plan: VariablePlan, meta: MetaParams) -> "ReferenceState":
        """The state before the first step."""
        zeros = np.zeros(plan.shape)
        structure = meta.structure
        shape = (plan.num_chunks, *structure.memory_shape)
        memory = np.zeros(shape) if structure.use_memory else None
        return cls(np.array(weight, np.float64), zeros.copy(), zeros.copy(), memory)


def positive_features(vector: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Features of one query or key, scaled to length 0.7 first (equation of `random_features`)."""
    vector = 0.7 * vector / np.sqrt(vector @ vector + 1e-6)
    dots = directions @ vector
    scale = np.exp(-0.5 * vector @ vector) / np.sqrt(2 * len(directions))
    return scale * np.concatenate([np.exp(dots), np.exp(-dots)])


def attention(queries: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Kernel attention of every query over all keys, from their features."""
    weights = queries @ keys.T
    return (weights / weights.sum(axis=1, keepdims=True)) @ values


def performer(p, tokens: np.ndarray, prefix: str, directions: np.ndarray) -> np.ndarray:
    """One bi-directional Performer block over the tokens, `[num_tokens, width]`."""
    queries = np.array([positive_features(x @ p[f"{prefix}/query"], directions) for x in tokens])
    keys = np.array([positive_features(x @ p[f"{prefix}/key"], directions) for x in tokens])
    attended = attention(queries, keys, tokens @ p[f"{prefix}/value"])
    tokens = tokens + attended @ p[f"{prefix}/output"]
    return tokens + np.tanh(tokens @ p[f"{prefix}/inner"]) @ p[f"{prefix}/outer"]


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
    """Each block of rows and columns by itself; wide and tall ones have a number of their own."""
    rows = []
    for of_rows in np.split(matrix, plan.blocks[0], axis=0):
        blocks = []
        for block in np.split(of_rows, plan.blocks[1], axis=1):
            iterations = settings.newton_schulz_iterations
            if max(block.shape) >= 2 * min(block.shape):
                iterations = settings.newton_schulz_wide_iterations or iterations
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
    decay = (total_steps - iteration) / max(total_steps - constant, 1.0)
    return max(0.0, min(1.0, (iteration + 1) / warmup, decay))


def run_scale(p, settings: RuleSettings) -> float:
    """What labels and steps of the run make of the rates; 160 and 600 leave them as they are."""
    labels, steps = settings.labels_per_step or 160, settings.total_steps or 600
    labels_ratio, steps_ratio = np.clip([labels / 160, steps / 600], 1 / 8, 8)
    return labels_ratio ** p["rule/batch_exponent"] * steps_ratio ** p["rule/length_exponent"]


def encode(p, meta: MetaParams, chunks: list[np.ndarray], progress: list[float]) -> np.ndarray:
    """Meta-tokens of a tensor whose chunks are `[3, length]`: gradient, momentum and weight."""
    structure = meta.structure
    together = np.concatenate(chunks, axis=1)
    gg, mm, _ = (together**2).mean(axis=1)
    unit = together / np.sqrt((together**2).mean(axis=1, keepdims=True) + 1e-16)
    context = np.array(
        [
            0.1 * np.log(gg + 1e-6),
            0.1 * np.log(mm + 1e-6),
            (unit[0] * unit[1]).mean(),
            (unit[1] * unit[2]).mean(),
            *progress,
        ]
    )
    bias = context @ p["level_1/context"] + p["level_1/bias"]
    vectors, start = [], 0
    for chunk in chunks:
        g, m, w = part = unit[:, start : start + chunk.shape[1]]
        start += chunk.shape[1]
        if structure.level_1 == "mean":
            means = np.array([np.mean(x) for x in (g * g, m * m, w * w, g * m, m * w, g * w)])
            compressed = means / np.sqrt(1.0 + np.abs(means))
            vectors.append(np.tanh(compressed @ p["level_1/statistics"] + bias))
        else:
            tokens = np.tanh(np.clip(part, -8.0, 8.0).T @ p["level_1/features"] + bias)
            if structure.level_1 == "performer":
                tokens = performer(p, tokens, "level_1", _directions(meta, 0))
            vectors.append(tokens.mean(axis=0))
    tokens = np.array(vectors)
    if structure.level_2 == "performer":
        tokens = performer(p, tokens, "level_2", _directions(meta, 1))
    return tokens / np.sqrt((tokens**2).mean(axis=1, keepdims=True) + 1e-6)


def remember(p, meta: MetaParams, tokens: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Writes each meta-token into its own memory (changed in place), then reads it."""
    directions, taus = _directions(meta, 2), np.exp(np.atleast_1d(p["memory/log_tau"]))
    answers = []
    for xi, slot in zip(tokens, memory, strict=True):
        phi_key = positive_features(xi @ p["memory/key"], directions)
        phi_query = positive_features(xi @ p["memory/query"], directions)
        of_heads = []
        for tau, head in zip(taus, np.split(slot, len(taus)), strict=True):
            head *= math.exp(-tau)
            # The code leaves r^-1/2 out of phi, which cancels in the ratio but scales the memory.
            head += math.sqrt(len(phi_key)) * np.outer(phi_key, [*(xi @ p["memory/value"]), 1.0])
            totals = phi_query @ head
            of_heads.append(totals[:-1] / totals[-1])
        output = p.get("memory/output", np.eye(len(xi)))
        answers.append(xi + np.concatenate(of_heads) @ output)
    return np.array(answers)


def network(p, features: np.ndarray, film: np.ndarray) -> np.ndarray:
    """The coordinate-wise network on one chunk, `[3, length]`; `film` is its row of FiLM terms."""
    units = len(p["network/output"])
    hidden = p["network/input"].T @ features + p["network/bias"][:, None]
    hidden = np.tanh((1.0 + film[:units, None]) * hidden + film[units:, None])
    return (p["network/output"] / max(1.0, np.abs(p["network/output"]).sum())) @ hidden


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
    """
    p = {name: np.asarray(value, np.float64) for name, value in meta.values.items()}
    b1, b2 = p["rule/momentum_decay"], p["rule/second_moment_decay"]
    step = applied_steps + 1
    state.momentum = b1 * state.momentum + (1 - b1) * gradient
    state.second_moment = b2 * state.second_moment + (1 - b2) * gradient**2
    root = np.sqrt(state.second_moment / (1 - b2**step) + 1e-16)
    momentum = state.momentum / (1 - b1**step) / root
    if settings.nesterov and meta.structure.nominal_direction:
        momentum = b1 * momentum + (1 - b1) * gradient / root
    flat = np.stack([(gradient / root).ravel(), momentum.ravel(), state.weight.ravel()])
    chunks = [flat[:, i : i + plan.chunk_len] for i in range(0, flat.shape[1], plan.chunk_len)]

    total = settings.total_steps
    progress = [0.0, 0.0] if total is None else [1.0, min(1.0, iterations / total)]
    tokens = encode(p, meta, chunks, progress)
    if meta.structure.use_memory:
        tokens = remember(p, meta, tokens, state.memory)
    log_multipliers = 2.0 * np.tanh(tokens @ p["step_head/kernel"] + p["step_head/bias"])
    state.log_multiplier = log_multipliers.mean()
    film = tokens @ p["film_head/kernel"] + p["film_head/bias"]

    rms = np.sqrt((flat**2).mean(axis=1, keepdims=True) + 1e-16)
    matrix = plan.matrix_shape is not None
    pieces = []
    for chunk, log_multiplier, terms in zip(chunks, log_multipliers, film, strict=True):
        piece = chunk[1] / max(1.0, rms[1, 0]) if meta.structure.nominal_direction else 0.0
        if not matrix or meta.structure.network_on_matrices:
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
    rate *= p.get("rule/role_rate/" + role.translate(str.maketrans(" /-", "___")), 1.0)
    if plan.decayed:
        direction = direction + settings.weight_decay * state.weight
    state.weight = state.weight - rate * direction


def _directions(meta: MetaParams, stream: int) -> np.ndarray:
    structure = meta.structure
    return orthogonal_projection(
        structure.seed + stream, num_features=structure.num_random_features, width=structure.width
    ).astype(np.float64)
