"""T5 against its formulas in NumPy, float64, one matrix at a time."""

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import float32_error, rounding

from models.t5 import T5, T5Config
from models.t5.relative_positions import relative_buckets
from pipeline.weights.t5.folder import variables_by_path

CONFIG = T5Config(
    vocab_size=30,
    hidden_dim=12,
    intermediate_dim=20,
    num_layers=2,
    num_decoder_layers=1,
    num_heads=2,
    head_dim=4,
    num_buckets=8,
    max_distance=6,
)


@pytest.fixture(name="model")
def fixture_model():
    model = T5(CONFIG)
    model(batch())
    rng = np.random.default_rng(0)
    for variable in model.variables:  # so that no gain is 1
        variable.assign(rng.normal(0, 0.4, variable.shape))
    return model


def batch():
    rng = np.random.default_rng(1)
    return {
        "input_ids": rng.integers(1, 30, (2, 9)).astype(np.int32),
        "input_mask": (np.arange(9) < [[9], [5]]).astype(np.int32),
        "decoder_input_ids": np.pad(rng.integers(1, 30, (2, 4)), [(0, 0), (1, 0)]).astype(np.int32),
    }


def norm(x, gain):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * gain


def attention(weights, name, queries, keys, attended, bias):
    query, key, value = (
        x @ weights[f"{name}/{part}/kernel"]
        for part, x in (("query", queries), ("key", keys), ("value", keys))
    )
    context = np.zeros((len(queries), 8))
    for head in range(2):
        own = slice(4 * head, 4 * head + 4)
        scores = query[:, own] @ key[:, own].T + bias[head]
        powers = np.where(attended, np.exp(scores - scores.max()), 0)
        context[:, own] = powers / powers.sum(-1, keepdims=True) @ value[:, own]
    return context @ weights[f"{name}/output/kernel"]


def feed_forward(weights, name, x):
    gate = x @ weights[f"{name}/gate_proj/kernel"]
    gelu = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
    return (gelu * (x @ weights[f"{name}/up_proj/kernel"])) @ weights[f"{name}/down_proj/kernel"]


def stack(weights, name, x, attended, layers, encoded=None, encoded_attended=None):
    sizes = {"num_buckets": 8, "max_distance": 6, "is_causal": name == "decoder"}
    buckets = relative_buckets(len(x), len(x), **sizes).numpy()
    bias = weights[f"{name}/relative_positions/embeddings"][buckets].transpose(2, 0, 1)
    for block in (f"{name}/layer_{i}" for i in range(layers)):
        h = norm(x, weights[f"{block}/attention_norm/gamma"])
        x = x + attention(weights, f"{block}/attention", h, h, attended, bias)
        if encoded is not None:
            h = norm(x, weights[f"{block}/cross_attention_norm/gamma"])
            cross = (h, encoded, encoded_attended, np.zeros(2))
            x = x + attention(weights, f"{block}/cross_attention", *cross)
        h = norm(x, weights[f"{block}/feed_forward_norm/gamma"])
        x = x + feed_forward(weights, f"{block}/feed_forward", h)
    return norm(x, weights[f"{name}/final_norm/gamma"])


def logits_of(names, features, row, prompt_len=0):
    """Logits of one row as a function of prompt (first) and weights."""

    def logits(prompt, *arrays):
        weights = dict(zip(names, arrays, strict=True))
        x = np.concatenate(
            [prompt[:prompt_len], weights["word_embeddings"][features["input_ids"][row]]]
        )
        mask = np.concatenate([np.ones(prompt_len, bool), features["input_mask"][row] > 0])
        encoded = stack(weights, "encoder", x, mask, 2)
        x = weights["word_embeddings"][features["decoder_input_ids"][row]]
        causal = np.tri(len(x), dtype=bool)
        decoded = stack(weights, "decoder", x, causal, 1, encoded, mask)
        return decoded @ weights["lm_head/kernel"]

    return logits


@pytest.mark.parametrize("prompt_len", [0, 3])
def test_logits_are_those_of_the_formulas(model, prompt_len):
    features, named = batch(), variables_by_path(model)
    prompt = np.random.default_rng(2).normal(0, 0.4, (3, 12)).astype(np.float32)
    prompts = tf.repeat(prompt[np.newaxis], 2, axis=0)
    found = model(features, prompts if prompt_len else None)
    for row in range(2):
        function = logits_of(list(named), features, row, prompt_len)
        inputs = [prompt, *(variable.numpy() for variable in named.values())]
        # The longest sum has 20 terms; 40 with what is between two products.
        error = float32_error(function, *inputs, operations=40)
        expected = function(*(each.astype(np.float64) for each in inputs))
        np.testing.assert_allclose(found[row], expected, rtol=0, atol=error)


def test_no_token_of_the_answer_sees_those_after_it(model):
    features = batch()
    changed = {**features, "decoder_input_ids": features["decoder_input_ids"].copy()}
    changed["decoder_input_ids"][:, 3:] = 7
    before, after = model(features), model(changed)
    # Nothing that these depend on has changed; the same graph computes them.
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.any(before[:, 3:] != after[:, 3:])


def test_padding_of_the_text_changes_nothing(model):
    features = batch()
    cut = {name: values[1:2] for name, values in features.items()}
    cut |= {name: cut[name][:, :5] for name in ("input_ids", "input_mask")}
    # The same sums, with zeros or without: 3 blocks of some 40 roundings, logits below 10.
    error = rounding(3 * 40) * 10 * 10
    np.testing.assert_allclose(model(cut)[0], model(features)[1], rtol=0, atol=error)


@pytest.mark.parametrize(
    ("size", "weights"),
    [
        ("small", 76_961_152),
        ("base", 247_577_856),
        ("large", 783_150_080),
        ("xl", 2_849_757_184),
        ("xxl", 11_135_332_352),
    ],
)
def test_named_sizes_have_the_published_numbers_of_weights(size, weights):
    from pipeline.weights.t5.names import t5_shapes

    shapes = t5_shapes(T5Config.named(size))
    assert sum(int(np.prod(shape, dtype=np.int64)) for _, shape in shapes) == weights


def test_variables_have_the_shapes_that_are_listed(model):
    from pipeline.weights.t5.names import t5_shapes

    found = {path: tuple(variable.shape) for path, variable in variables_by_path(model).items()}
    assert found == dict(t5_shapes(CONFIG))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"hidden_dim": 0}, "hidden_dim must be positive, received 0"),
        ({"num_buckets": 6}, "num_buckets must be a multiple of 4"),
        ({"max_distance": 16}, "max_distance more than half"),
    ],
)
def test_bad_sizes_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        T5Config.named("small", **bad)


def test_an_unknown_size_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match="'3b'. Choose one of: mini, small, base, large, xl, xxl"):
        T5Config.named("3b")
