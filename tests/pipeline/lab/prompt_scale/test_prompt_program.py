"""The step whose weights are arguments is the step of the model that has them."""

import importlib.util
import json
import re
import sys

import numpy as np
import pytest
import tensorflow as tf
from numeric_bounds import rounding

from models.t5 import T5, T5Config
from pipeline.commands import bench
from pipeline.lab.prompt_scale import prompt_program, tpu
from pipeline.lab.prompt_scale.prompt_program import PromptBatch, answer_loss, lowered_step

CONFIG = T5Config(
    vocab_size=40, hidden_dim=16, intermediate_dim=24, num_layers=2, num_heads=2, head_dim=8
)
BATCH = PromptBatch(rows=2, text=6, answer=3, prompt=5)


def test_the_graph_without_variables_computes_loss_and_gradient_of_the_model():
    graph, specs = prompt_program.gradient_graph(CONFIG, BATCH, "float32")
    rng = np.random.default_rng(0)
    features = {n: rng.integers(1, 40, s.shape).astype(np.int32) for n, s in BATCH.specs().items()}
    model = T5(CONFIG)
    model(features)
    values = {v.name.removesuffix(":0").split("/", 1)[-1]: v for v in model.variables}
    weights = {name: values[name.split("/", 1)[-1]] for name in specs}
    prompt = tf.constant(rng.normal(size=[5, 16]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(prompt)
        loss = answer_loss(model, features, tf.repeat(prompt[tf.newaxis], 2, axis=0))
    gradient = tape.gradient(loss, prompt)
    inputs = {**features, **weights, "prompt": prompt}
    found = tf.function(
        lambda: tf.import_graph_def(
            graph,
            {f"{name}:0": tf.convert_to_tensor(each) for name, each in inputs.items()},
            ["loss:0", "gradient:0"],
        )
    )()
    # The same operations, which TensorFlow may order anew: four blocks of some 40 roundings each.
    for ours, theirs in zip(found, (loss, gradient), strict=True):
        largest = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=rounding(4 * 40) * 10 * largest)


def test_weights_are_arguments_and_the_state_is_that_of_the_prompt():
    text, state = lowered_step(CONFIG, BATCH, tpu.optimizer_of("adamw"), "bfloat16")
    [main] = re.findall(r"@main\(.*", text)  # arguments and results in one line
    assert main.count("xbf16>") == 2 + 2 * 2 + 2 * (4 + 3 + 2) + 2 * (8 + 3 + 3)
    # Two float32 moments, and a few counters and rates of 8 bytes at most.
    assert 0 <= state - 2 * 4 * 5 * 16 <= 8 * 8


@pytest.mark.slow
def test_a_prompt_step_is_compiled_for_a_tpu(monkeypatch, tmp_path):
    for package in ("jax", "libtpu"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra tpu)")
    monkeypatch.setattr(tpu.T5Config, "named", lambda size: CONFIG)
    file = tmp_path / "aot.json"
    assert bench.main(["prompt", "--tpu=v6e", "--optimizers=adamw", f"--output={file}"]) == 0
    [figures] = json.loads(file.read_text())["steps"]
    assert figures["argument_bytes"] > 2 * 40 * 16


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ValueError, match=r"jax is not installed.*mnemosyne-bert\[tpu\]"):
        bench.main(["prompt", "--tpu=v5e"])
