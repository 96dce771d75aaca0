import pytest
import tensorflow as tf
import tf_keras as keras
from numeric_bounds import rounding

from mnemosyne_tf import MetaParams, Mnemosyne
from pipeline import optimizers
from pipeline.optimizers.from_recipe import (
    HAND_DESIGNED,
    LEFT_OUT_BY_SETTINGS,
    make_optimizer,
    meta_parameters,
)
from pipeline.optimizers.schedules import LinearWarmup, LinearWarmupDecay
from pipeline.recipes.sections import ABLATIONS, OPTIMIZERS, OptimizerConfig


def test_mnemosyne_is_told_steps_and_labels_of_the_run():
    optimizer = make_optimizer(OptimizerConfig(), num_train_steps=77, labels_per_step=7)
    assert isinstance(optimizer, Mnemosyne)
    assert optimizer.get_config()["total_steps"] == 77
    assert optimizer.get_config()["labels_per_step"] == 7


@pytest.mark.parametrize("part", ABLATIONS)
def test_part_of_mnemosyne_is_left_out(part):
    whole = Mnemosyne().meta_params
    optimizer = make_optimizer(OptimizerConfig(without=part), num_train_steps=77, labels_per_step=7)
    config = optimizer.get_config()
    assert config["total_steps"] == 77
    if part in LEFT_OUT_BY_SETTINGS:
        assert LEFT_OUT_BY_SETTINGS[part].items() <= config.items()
    else:
        expected = whole.without(part).fingerprint()
        assert MetaParams.resolve(config["meta_params"]).fingerprint() == expected


@pytest.mark.parametrize(
    ("name", "kind", "published"),
    [
        ("adamw", keras.optimizers.AdamW, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-6}),
        ("nadamw", optimizers.NAdamW, {"beta_1": 0.9, "beta_2": 0.999}),
        ("lamb", optimizers.LAMB, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-6}),
        ("lion", keras.optimizers.Lion, {"beta_1": 0.9, "beta_2": 0.99}),
        ("muon", optimizers.Muon, {"momentum": 0.95, "beta_1": 0.9, "beta_2": 0.95}),
        ("schedule_free_adamw", optimizers.ScheduleFreeAdamW, {"beta_1": 0.9, "beta_2": 0.999}),
        ("adafactor", keras.optimizers.Adafactor, {"beta_2_decay": -0.8, "clip_threshold": 1.0}),
        ("sgd", keras.optimizers.SGD, {"momentum": 0.9, "nesterov": False}),
    ],
)
def test_rival_has_its_published_decays_and_the_settings_of_the_recipe(name, kind, published):
    constant_at_the_end = name == "schedule_free_adamw"
    config = OptimizerConfig(
        name=name,
        learning_rate=0.2,
        weight_decay=0.3,
        clip_norm=0.4,
        decay_start=0.0 if constant_at_the_end else 0.6,
    )
    optimizer = make_optimizer(config, num_train_steps=50, labels_per_step=7)
    assert type(optimizer) is kind
    settings = optimizer.get_config()
    assert {key: settings[key] for key in published} == published
    assert (settings["weight_decay"], settings["global_clipnorm"]) == (0.3, 0.4)
    schedule = optimizer._learning_rate
    assert (schedule.peak, schedule.num_warmup_steps) == (0.2, 5)
    assert type(schedule) is (LinearWarmup if constant_at_the_end else LinearWarmupDecay)
    assert constant_at_the_end or schedule.num_steps_before_decay == 30


@pytest.mark.parametrize("name", sorted(set(HAND_DESIGNED) - {"adafactor", "sgd"}))
def test_beta_2_of_the_recipe_is_taken(name):
    config = OptimizerConfig(name=name, beta_2=0.5)
    optimizer = make_optimizer(config, num_train_steps=10, labels_per_step=7)
    assert optimizer.get_config()["beta_2"] == 0.5


@pytest.mark.parametrize("name", sorted(HAND_DESIGNED))
def test_rival_decays_kernels_but_not_biases_and_layer_norms(name):
    config = OptimizerConfig(name=name, learning_rate=0.1, weight_decay=0.5, warmup_fraction=0.0)
    optimizer = make_optimizer(config, num_train_steps=10, labels_per_step=7)
    names = ["dense/kernel", "dense/bias", "layer_norm/gamma"]
    variables = [tf.Variable([1.0], name=name) for name in names]
    optimizer.build(variables)
    optimizer.apply_gradients([(tf.constant([0.0]), v) for v in variables])
    # The gradient is 0, so only the decay of rate * 0.5 can move a weight. LAMB makes it a step in
    # proportion to the weight; of Schedule-Free's rate the bias correction leaves sqrt(1 - 0.999).
    moved = {"lamb": 0.1, "schedule_free_adamw": 0.05 * 0.001**0.5}.get(name, 0.05)
    # At most twenty roundings a step, of a weight of 1.
    kernel = pytest.approx(1 - moved, rel=0, abs=rounding(20))
    assert [float(v[0]) for v in variables] == [kernel, 1.0, 1.0]


def test_every_name_of_the_recipe_is_made():
    assert set(OPTIMIZERS) == {"mnemosyne", *HAND_DESIGNED}


def test_meta_parameters_are_named_by_the_beginning_of_their_fingerprint():
    ours, adamw = Mnemosyne(meta_params="nominal"), keras.optimizers.AdamW()
    assert meta_parameters(ours) == MetaParams.nominal().fingerprint()[:12]
    assert meta_parameters(adamw) is None
