"""The identities of the memory: an average, a hull, an order, and no limit of steps."""

import numpy as np
import pytest
import tensorflow as tf

from mnemosyne_tf.learned.memory import read, remember, write
from mnemosyne_tf.learned.random_features import orthogonal_projection

WIDTH, NUM_FEATURES, TOKENS = 4, 8, 3
LOG_TAU = float(np.log(0.02))
EPS = float(np.finfo(np.float32).eps)
# Of one answer: products of four terms for q, k and v, features that are off by the roundings of
# exp and of |q|, sums of 8 features, a difference of answer and token. Some 32 roundings, half an
# eps, of numbers up to 8; they add up by the root of their number; four standard deviations.
ANSWER = 4 * 32**0.5 * EPS / 2 * 8


def make_maps(key_scale=1.0, log_tau=LOG_TAU):
    random = np.random.RandomState(0)
    maps = {
        f"memory/{part}": random.randn(WIDTH, WIDTH).astype(np.float32)
        for part in ("query", "key", "value")
    }
    maps["memory/key"] *= key_scale
    return maps | {"memory/log_tau": np.float32(log_tau)}


def run(maps, tokens):
    """Answers of the memory (without the residual) to tokens `[steps, TOKENS, WIDTH]`."""
    projection = orthogonal_projection(0, num_features=NUM_FEATURES, width=WIDTH)
    step = tf.function(lambda xi, memory: remember(maps, xi, memory, projection=projection))
    num_heads = np.size(maps["memory/log_tau"])
    memory = tf.zeros([TOKENS, num_heads * NUM_FEATURES, WIDTH + 1])
    answers = []
    for xi in tokens:
        answer, memory = step(tf.constant(xi), memory)
        answers.append(answer.numpy() - xi)
    return np.array(answers)


def make_tokens(steps):
    return np.random.RandomState(1).randn(steps, TOKENS, WIDTH).astype(np.float32)


def test_constant_keys_give_the_bias_corrected_moving_average():
    maps, tokens = make_maps(key_scale=0.0), make_tokens(60)
    decay, mean, mass = np.exp(-0.02), 0.0, 0.0
    for xi, answer in zip(tokens, run(maps, tokens), strict=True):
        mean = decay * mean + (1 - decay) * (xi.astype(np.float64) @ maps["memory/value"])
        mass = decay * mass + (1 - decay)
        # Weights of the past are equal: their roundings add up by the root of the steps.
        np.testing.assert_allclose(answer, mean / mass, rtol=0, atol=ANSWER)


def test_infinite_discount_leaves_a_memoryless_layer():
    maps, tokens = make_maps(log_tau=8.0), make_tokens(5)
    np.testing.assert_allclose(
        run(maps, tokens), tokens @ maps["memory/value"], rtol=0, atol=ANSWER
    )


def test_memory_is_written_before_it_is_read():
    maps, tokens = make_maps(), make_tokens(1)
    np.testing.assert_allclose(
        run(maps, tokens)[0], tokens[0] @ maps["memory/value"], rtol=0, atol=ANSWER
    )


def heads_of(maps, taus, output):
    return maps | {"memory/log_tau": np.float32(np.log(taus)), "memory/output": np.float32(output)}


def test_heads_of_one_discount_and_equal_shares_are_one_head():
    maps, tokens = make_maps(), make_tokens(20)
    twice = heads_of(maps, [0.02, 0.02], np.tile(np.eye(WIDTH) / 2, [2, 1]))
    np.testing.assert_allclose(run(twice, tokens), run(maps, tokens), rtol=0, atol=2 * ANSWER)


def test_every_head_forgets_at_its_own_rate():
    maps, tokens = make_maps(), make_tokens(20)
    taus, mix = [0.5, 0.01], np.random.RandomState(4).randn(2 * WIDTH, WIDTH)
    alone = [run(maps | {"memory/log_tau": np.float32(np.log(tau))}, tokens) for tau in taus]
    expected = alone[0] @ mix[:WIDTH] + alone[1] @ mix[WIDTH:]
    answers = run(heads_of(maps, taus, mix), tokens)
    # A product of eight terms with a standard normal mix: both sides err by eight answers at most.
    np.testing.assert_allclose(answers, expected, rtol=0, atol=2 * 8 * ANSWER)
    assert np.abs(alone[0] - alone[1]).max() > 0.1


def test_answer_is_the_kernel_weighted_mean_of_the_past():
    random = np.random.RandomState(2)
    keys, queries = np.exp(random.randn(6, 2, 8)), np.exp(random.randn(2, 8))
    values = random.randn(6, 2, 4)
    memory = tf.zeros([2, 8, 5], tf.float64)
    for key, value in zip(keys, values, strict=True):
        with_one = np.concatenate([value, np.ones([2, 1])], axis=1)
        memory = write(memory, keys=key, values=with_one, tau=tf.constant(0.1, tf.float64))
    weights = np.exp(-0.1 * np.arange(5, -1, -1))[:, None] * (keys * queries).sum(axis=2)
    expected = (weights[:, :, None] * values).sum(axis=0) / weights.sum(axis=0)[:, None]
    # float64: sums of 6 steps and 8 features, of values up to 3 and both signs.
    np.testing.assert_allclose(read(memory, queries).numpy(), expected, rtol=0, atol=1e-14)


def test_scale_of_queries_and_of_keys_cancels():
    random = np.random.RandomState(3)
    keys, queries = np.exp(random.randn(5, 2, 8)), np.exp(random.randn(2, 8))
    with_one = np.concatenate([random.randn(5, 2, 4), np.ones([5, 2, 1])], axis=2)
    answers = []
    for key_scale, query_scale in ((1.0, 1.0), (1.0, 1e-9), (3e7, 1.0)):
        memory = tf.zeros([2, 8, 5], tf.float64)
        for key, value in zip(key_scale * keys, with_one, strict=True):
            memory = write(memory, keys=key, values=value, tau=tf.constant(0.1, tf.float64))
        answers.append(read(memory, query_scale * queries).numpy())
    # float64, sums as above; the factors are no powers of two and round once each.
    np.testing.assert_allclose(answers[1:], [answers[0], answers[0]], rtol=0, atol=1e-14)


def test_meta_tokens_have_memories_of_their_own():
    maps, tokens = make_maps(), make_tokens(4)
    changed = tokens.copy()
    changed[:, 0] += 1.0
    before, after = run(maps, tokens), run(maps, changed)
    assert np.array_equal(before[:, 1:], after[:, 1:])
    assert np.abs(before[:, 0] - after[:, 0]).max() > 0.01


def test_answer_never_leaves_the_hull_of_the_past_values():
    maps, tokens = make_maps(), make_tokens(200)
    values = tokens @ maps["memory/value"]
    answers = run(maps, tokens)
    for step in range(len(tokens)):
        assert (answers[step] <= values[: step + 1].max(axis=0) + ANSWER).all()
        assert (answers[step] >= values[: step + 1].min(axis=0) - ANSWER).all()


@pytest.mark.slow
def test_memory_stays_bounded_for_100_000_steps():
    maps = make_maps()
    projection = orthogonal_projection(0, num_features=NUM_FEATURES, width=WIDTH)

    @tf.function(jit_compile=True)
    def loop():
        memory = tf.zeros([TOKENS, NUM_FEATURES, WIDTH + 1])
        largest = tf.constant(0.0)
        for step in tf.range(100_000):
            xi = tf.random.stateless_uniform([TOKENS, WIDTH], [step, 0], -1.0, 1.0)
            answer, memory = remember(maps, xi, memory, projection=projection)
            largest = tf.maximum(largest, tf.reduce_max(tf.abs(answer - xi)))
        return largest, memory

    largest, memory = loop()
    bound = np.abs(maps["memory/value"]).sum(axis=0).max()
    assert 0.0 < float(largest) <= bound + ANSWER
    assert np.isfinite(memory.numpy()).all()
