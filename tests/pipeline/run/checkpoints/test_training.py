import json

import pytest
import tensorflow as tf
import tf_keras as keras
from checkpointed_runs import Pretrainer, kept, momentum, started, train, trained, values

from pipeline.optimizers import keras_optimizers
from pipeline.run import checkpoints


def test_all_that_training_needs_comes_back(tmp_path):
    model, optimizer, _ = trained(tmp_path)
    other, other_optimizer, checkpoint = started(tmp_path, seed=1)
    assert values(other.weights) != values(model.weights)
    assert checkpoint.restore()
    assert values(other.weights) == values(model.weights)
    assert values(other_optimizer.variables) == values(optimizer.variables)
    assert (checkpoint.steps_done, float(checkpoint.seconds)) == (3, 12.5)
    assert checkpoint.batches_used == 3


def test_a_new_folder_has_nothing_to_restore(tmp_path):
    _, _, checkpoint = started(tmp_path, seed=0)
    assert not checkpoint.restore()
    assert checkpoint.steps_done == 0


def test_the_newest_two_the_last_and_the_best_are_kept(tmp_path):
    model, optimizer, checkpoint = started(tmp_path, seed=0, keep=2, every_steps=3)
    losses = {3: 5.0, 6: 4.0, 9: 4.5, 12: 4.25, 13: None}
    for step, heldout_loss in losses.items():
        checkpoint.step.assign(step)
        checkpoint.save(heldout_loss)
    assert kept(tmp_path) == ["ckpt-12", "ckpt-13", "ckpt-6", "ckpt-9"]
    assert tf.train.latest_checkpoint(tmp_path / "checkpoints").endswith("ckpt-13")
    newest, best = (tmp_path, tmp_path / "checkpoints" / "best")
    assert checkpoints.newest_checkpoint(newest).endswith("ckpt-13")
    assert checkpoints.newest_checkpoint(best).endswith("ckpt-6")
    with pytest.raises(FileNotFoundError, match="ckpt-13, ckpt-12, ckpt-9, ckpt-6 and best.*pt-7"):
        checkpoints.newest_checkpoint(tmp_path / "checkpoints" / "ckpt-7")


def test_weights_that_are_the_best_so_far_are_saved_off_schedule(tmp_path):
    _, _, checkpoint = trained(tmp_path, every_steps=3)
    checkpoint.evaluated(5.0)  # of a step that is saved: its loss is added
    for step, heldout_loss in ((4, 4.0), (5, 4.5)):
        checkpoint.step.assign(step)
        checkpoint.evaluated(heldout_loss)
    assert kept(tmp_path) == ["ckpt-3", "ckpt-4"]
    saved = json.loads((tmp_path / "checkpoints" / "ckpt-3.json").read_text())
    assert saved["heldout_loss"] == 5.0


def test_the_checkpoint_before_a_window_of_steps_stays_to_go_back_to(tmp_path):
    """Windows of 10 steps, a checkpoint every 2, two of which stay by themselves."""
    model, _, checkpoint = trained(tmp_path, keep=2, every_steps=2, window_steps=10, steps=10)
    before = values(model.weights)
    for step in (12, 14, 16, 18):
        checkpoint.step.assign(step)
        checkpoint.save()
    assert kept(tmp_path) == ["ckpt-10", "ckpt-16", "ckpt-18"]
    model.encoder.kernel.assign_add(tf.ones([4, 3]))
    assert checkpoint.roll_back(10) and checkpoint.steps_done == 10
    assert values(model.weights) == before


def test_rolled_back_weights_go_on_with_the_batches_after_the_spike(tmp_path):
    model, optimizer, checkpoint = trained(tmp_path, keep=2, every_steps=3)
    before = values(model.weights)
    train(model, optimizer, checkpoint, 1)
    checkpoint.save()  # as a signal does; nothing to go back to, or the result would depend on it
    train(model, optimizer, checkpoint, 4)
    assert checkpoint.roll_back(5)
    assert (values(model.weights), checkpoint.steps_done) == (before, 3)
    assert checkpoint.batches_used == 8
    assert kept(tmp_path) == ["ckpt-3"]
    assert not checkpoint.roll_back(2)


def test_another_vocabulary_is_refused(tmp_path):
    trained(tmp_path, vocabulary_sha256="aaaa")
    with pytest.raises(ValueError, match="vocabulary of SHA-256 aaaa, this run's is bbbb"):
        started(tmp_path, seed=1, vocabulary_sha256="bbbb")[2].restore()


def test_a_run_of_a_release_without_checksums_and_counts_goes_on(tmp_path):
    def counting():
        return keras_optimizers.SGD(1.0, momentum=0.9, jit_compile=False)

    keras.utils.set_random_seed(0)
    model, optimizer = Pretrainer(), momentum()
    model(tf.ones([1, 4]))
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(7)
    old = tf.train.Checkpoint(
        model=model,
        optimizer=optimizer,
        step=tf.Variable(7, dtype=tf.int64),
        seconds=tf.Variable(1.5, dtype=tf.float64),
    )
    manager = tf.train.CheckpointManager(old, str(tmp_path / "checkpoints"), max_to_keep=2)
    manager.save(checkpoint_number=7)
    other, optimizer, checkpoint = started(tmp_path, seed=1, make_optimizer=counting)
    assert checkpoint.restore()
    assert values(other.weights) == values(model.weights)
    assert (checkpoint.steps_done, checkpoint.batches_used) == (7, 7)
    assert int(optimizer.applied_steps) == 7
    (tmp_path / "checkpoints" / "ckpt-7.data-00000-of-00001").write_bytes(b"short")
    with pytest.raises(OSError, match="no whole checkpoint: ckpt-7 is damaged"):
        started(tmp_path, seed=1, make_optimizer=counting)[2].restore()


def test_an_optimizer_without_a_guard_has_skipped_nothing(tmp_path):
    _, optimizer, checkpoint = started(tmp_path, seed=0)
    assert checkpoint.skipped_steps == 0
    optimizer.skipped_steps = tf.Variable(4)
    assert checkpoint.skipped_steps == 4
