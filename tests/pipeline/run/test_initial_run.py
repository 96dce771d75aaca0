"""A constant phase and its decay, from any checkpoint, are one run; and what is refused."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from pipeline import pretrain
from pipeline.run.checkpoints import files
from pipeline.run.initial_run import InitialRun, find_initial_run

STABLE = ("optimizer.schedule=stable", "optimizer.num_warmup_steps=2", "train.num_train_steps=8")
DECAY = ("optimizer.schedule=decay", "train.num_train_steps=4")
NO_DROPOUT = ("model.dropout=0.0", "model.attention_dropout=0.0", "train.tensorboard=false")
MNEMOSYNE = ("optimizer.name=mnemosyne", "optimizer.learning_rate=1.0")


@pytest.fixture(scope="module")
def constant_phase(records_dir, tmp_path_factory, tiny_recipe):
    """A run of 8 steps of AdamW at a constant rate, with checkpoints at 5 and 8."""
    output = tmp_path_factory.mktemp("constant")
    recipe = tiny_recipe(*NO_DROPOUT, *STABLE)
    pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(output))
    return output


def weights(folder, step):
    reader = tf.train.load_checkpoint(str(folder / "checkpoints" / f"ckpt-{step}"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("model/")]
    return {name: reader.get_tensor(name) for name in sorted(names) if "VARIABLE_VALUE" in name}


def test_plateau_and_decay_are_bit_for_bit_the_run_that_has_both(
    constant_phase, records_dir, tmp_path, tiny_recipe
):
    decay = tiny_recipe(*NO_DROPOUT, *DECAY, f"train.initial_run={constant_phase}")
    pretrain.pretrain(decay, data_dir=records_dir, output_dir=str(tmp_path / "decay"))
    # The same batches, too: the decay reads on where the constant phase stood.
    whole = ("optimizer.num_warmup_steps=2", f"optimizer.decay_start={8 / 12}")
    recipe = tiny_recipe(*NO_DROPOUT, *whole, "train.num_train_steps=12")
    pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path / "whole"))
    ours, theirs = weights(tmp_path / "decay", 4), weights(tmp_path / "whole", 12)
    assert ours.keys() == theirs.keys() and len(ours) > 20
    for name, weight in theirs.items():
        np.testing.assert_array_equal(ours[name], weight, err_msg=name)


def test_a_decay_begins_at_any_checkpoint_and_keeps_to_it(
    constant_phase, records_dir, tmp_path, tiny_recipe
):
    recipe = tiny_recipe(*DECAY, f"train.initial_run={constant_phase}/checkpoints/ckpt-5")
    found = find_initial_run(recipe, None)
    assert (found.first_step, found.first_batch, found.keeps_optimizer) == (5, 5, True)
    assert found.checkpoint == str(constant_phase / "checkpoints" / "ckpt-5")
    # Started again, it knows what it began with, regardless of the other run.
    gone = tiny_recipe(*DECAY, f"train.initial_run={tmp_path}")
    assert find_initial_run(gone, {"initial": found.to_dict()}) == found


def test_a_decay_reads_on_where_a_run_that_went_back_stood(constant_phase, tmp_path, tiny_recipe):
    """The run has used 3 batches more than it has made steps."""
    shutil.copytree(constant_phase, tmp_path / "run")
    checkpoints = str(tmp_path / "run" / "checkpoints")
    state = files.read_state(checkpoints, 8)
    files.seal(checkpoints, dataclasses.replace(state, batches_used=11))
    found = find_initial_run(tiny_recipe(*DECAY, f"train.initial_run={tmp_path / 'run'}"), None)
    assert (found.first_step, found.first_batch) == (8, 11)


def test_a_decay_in_float16_needs_the_loss_scale_of_its_constant_phase(constant_phase, tiny_recipe):
    recipe = tiny_recipe(*DECAY, f"train.initial_run={constant_phase}", "train.precision=float16")
    with pytest.raises(ValueError, match="a run in float16; .* trained in float32. Pass --set tr"):
        find_initial_run(recipe, None)


def test_steps_that_the_constant_phase_skipped_are_none_of_the_decays(
    constant_phase, records_dir, tmp_path, tiny_recipe, monkeypatch, capsys
):
    """Here ten of them, as many as end a run that skips them one after the other."""
    load = pretrain.load_initial_run

    def load_one_that_skipped_ten(initial, model, optimizer):
        load(initial, model, optimizer)
        optimizer.skipped_steps.assign(10)

    monkeypatch.setattr(pretrain, "load_initial_run", load_one_that_skipped_ten)
    recipe = tiny_recipe(*NO_DROPOUT, *DECAY, f"train.initial_run={constant_phase}")
    pretrain.pretrain(recipe, data_dir=records_dir, output_dir=str(tmp_path))
    assert "skipped" not in capsys.readouterr().err


def test_a_second_phase_takes_the_weights_alone(constant_phase, tiny_recipe):
    recipe = tiny_recipe(f"train.initial_run={constant_phase}")
    newest = str(constant_phase / "checkpoints" / "ckpt-8")
    assert find_initial_run(recipe, None) == InitialRun(newest, False, 0)
    assert find_initial_run(tiny_recipe(), None) == InitialRun()


def test_a_decay_without_a_run_to_go_on_from_is_refused(tiny_recipe):
    with pytest.raises(ValueError, match="received none. Pass --set train.initial_run=RUN"):
        find_initial_run(tiny_recipe(*DECAY), None)


def test_a_checkpoint_that_is_not_there_is_refused(constant_phase, tiny_recipe):
    recipe = tiny_recipe(f"train.initial_run={constant_phase}/checkpoints/ckpt-7")
    with pytest.raises(FileNotFoundError):
        find_initial_run(recipe, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimizer.learning_rate=0.02", "differs in learning_rate: 0.01 -> 0.02"),
        ("optimizer.name=lamb", "differs in name: adamw -> lamb"),
    ],
)
def test_a_decay_of_another_optimizer_is_refused(constant_phase, tiny_recipe, change, message):
    recipe = tiny_recipe(*DECAY, f"train.initial_run={constant_phase}", change)
    with pytest.raises(ValueError, match=message):
        find_initial_run(recipe, None)


def test_a_decay_of_a_run_that_decayed_already_is_refused(constant_phase, tmp_path, tiny_recipe):
    facts = json.loads((constant_phase / "run.json").read_text())
    facts["recipe"]["optimizer"]["schedule"] = "whole"
    (tmp_path / "run.json").write_text(json.dumps(facts))
    tf.train.Checkpoint(step=tf.Variable(1)).save(str(tmp_path / "checkpoints" / "ckpt"))
    recipe = tiny_recipe(*DECAY, f"train.initial_run={tmp_path}")
    with pytest.raises(ValueError, match="goes on from a run with optimizer.schedule=stable; that"):
        find_initial_run(recipe, None)


@pytest.mark.slow
def test_mnemosyne_decays_from_a_checkpoint_of_its_constant_phase(
    records_dir, tmp_path, tiny_recipe
):
    stable = tiny_recipe(*NO_DROPOUT, *MNEMOSYNE, "optimizer.schedule=stable")
    pretrain.pretrain(stable, data_dir=records_dir, output_dir=str(tmp_path / "stable"))
    decay = tiny_recipe(*NO_DROPOUT, *MNEMOSYNE, *DECAY, f"train.initial_run={tmp_path / 'stable'}")
    pretrain.pretrain(decay, data_dir=records_dir, output_dir=str(tmp_path / "decay"))
    facts = json.loads((tmp_path / "decay" / "run.json").read_text())
    assert facts["initial"]["first_step"] == 12
    reader = tf.train.load_checkpoint(str(tmp_path / "decay" / "checkpoints" / "ckpt-4"))
    steps = reader.get_tensor("optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE")
    assert steps == 16
