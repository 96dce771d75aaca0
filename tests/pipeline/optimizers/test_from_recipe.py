import pytest
import tensorflow as tf
import tf_keras as keras

from mnemosyne_tf import FINE_TUNING, MetaParams, Mnemosyne
from pipeline.optimizers import keras_optimizers
from pipeline.optimizers.from_recipe import (
    LEFT_OUT_BY_SETTINGS,
    make_optimizer,
    meta_parameters,
)
from pipeline.optimizers.lamb import LAMB
from pipeline.optimizers.muon import Muon
from pipeline.optimizers.nadamw import NAdamW
from pipeline.optimizers.schedule_free_adamw import ScheduleFreeAdamW
from pipeline.optimizers.schedules import LinearWarmup, LinearWarmupDecay
from pipeline.optimizers.table import HAND_DESIGNED
from pipeline.recipes.sections import ABLATIONS, OptimizerConfig


def test_mnemosyne_is_given_steps_and_labels_of_the_run():
    optimizer = make_optimizer(OptimizerConfig(), num_train_steps=77, labels_per_step=7)
    assert isinstance(optimizer, Mnemosyne)
    assert optimizer.get_config()["total_steps"] == 77
    assert optimizer.get_config()["labels_per_step"] == 7


def test_mnemosyne_moves_weights_of_an_earlier_training_at_rates_for_them():
    optimizer = make_optimizer(OptimizerConfig(), 77, 7, fine_tuning=True)
    expected = Mnemosyne(**FINE_TUNING).meta_params
    assert expected.fingerprint() != Mnemosyne().meta_params.fingerprint()
    assert optimizer.get_config()["attention_block"] is None
    assert optimizer.meta_params.fingerprint() == expected.fingerprint()


def test_rates_of_fine_tuning_are_left_out_with_those_of_roles():
    without = make_optimizer(OptimizerConfig(without="roles"), 77, 7, fine_tuning=True)
    expected = Mnemosyne(rule=FINE_TUNING["rule"]).meta_params.without("roles")
    assert without.meta_params.fingerprint() == expected.fingerprint()


def test_a_hand_designed_optimizer_has_one_rate_for_both():
    config = OptimizerConfig(name="adamw", learning_rate=0.1)
    fine_tuning, training = (make_optimizer(config, 77, 7, fine_tuning=each) for each in (1, 0))
    assert fine_tuning.get_config() == training.get_config()


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
        ("adamw", keras_optimizers.AdamW, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-6}),
        ("nadamw", NAdamW, {"beta_1": 0.9, "beta_2": 0.999}),
        ("lamb", LAMB, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-6}),
        ("lion", keras_optimizers.Lion, {"beta_1": 0.9, "beta_2": 0.99}),
        ("muon", Muon, {"momentum": 0.95, "beta_1": 0.9, "beta_2": 0.95}),
        ("schedule_free_adamw", ScheduleFreeAdamW, {"beta_1": 0.9, "beta_2": 0.999}),
        ("adafactor", keras_optimizers.Adafactor, {"beta_2_decay": -0.8, "clip_threshold": 1.0}),
        ("sgd", keras_optimizers.SGD, {"momentum": 0.9, "nesterov": False}),
    ],
)
def test_baseline_has_its_published_decays_and_the_settings_of_the_recipe(name, kind, published):
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


@pytest.mark.parametrize("name", ["adamw", "lamb", "mnemosyne"])
def test_a_constant_phase_does_not_depend_on_its_length_and_its_decay_falls_to_zero(name):
    warmup = {} if name == "mnemosyne" else {"num_warmup_steps": 10}
    config = OptimizerConfig(name=name, learning_rate=0.5, schedule="stable", **warmup)
    rates = [rates_at(config, [3, 9, 400, 5_000], steps) for steps in (20, 50_000)]
    assert rates[0] == rates[1]
    assert rates[0][2] == rates[0][3] > rates[0][0]
    decay = OptimizerConfig(name=name, learning_rate=0.5, schedule="decay")
    falling = rates_at(decay, [5_000, 5_010, 5_020], num_train_steps=20, first_step=5_000)
    assert falling == pytest.approx([rates[0][3], rates[0][3] / 2, 0.0])


def rates_at(config, steps, num_train_steps, first_step=0):
    """The step size of a kernel at steps counted from 0."""
    optimizer = make_optimizer(config, num_train_steps, 160, first_step)
    if isinstance(optimizer, Mnemosyne):
        optimizer.build([tf.Variable(tf.ones([8, 8]), name="dense/kernel")])
        return [optimizer.step_sizes(step)[0] for step in steps]
    return [float(optimizer._learning_rate(step)) for step in steps]


def test_a_warmup_is_a_number_of_steps_or_a_fraction_of_them():
    for settings, steps in (({}, 50), ({"num_warmup_steps": 7}, 7), ({"num_warmup_steps": 0}, 0)):
        config = OptimizerConfig(name="adamw", learning_rate=0.5, **settings)
        assert make_optimizer(config, 500, 7)._learning_rate.num_warmup_steps == steps


@pytest.mark.parametrize("name", [row.name for row in HAND_DESIGNED if row.has_beta_2])
def test_beta_2_of_the_recipe_is_taken(name):
    config = OptimizerConfig(name=name, learning_rate=0.1, beta_2=0.5)
    optimizer = make_optimizer(config, num_train_steps=10, labels_per_step=7)
    assert optimizer.get_config()["beta_2"] == 0.5


def test_meta_parameters_are_named_by_the_beginning_of_their_fingerprint():
    ours, adamw = Mnemosyne(meta_params="nominal"), keras.optimizers.AdamW()
    assert meta_parameters(ours) == MetaParams.nominal().fingerprint()[:12]
    assert meta_parameters(adamw) is None
