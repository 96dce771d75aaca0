import json
import pathlib

import pytest
import tensorflow as tf
import tf_keras as keras

from pipeline.optimizers import keras_optimizers
from pipeline.run import checkpoints
from pipeline.run.checkpoints import files


class Pretrainer(keras.Model):
    """An encoder and a head of one weight matrix each, as `BertPretrainer` names them."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.layers.Dense(3)
        self.head = keras.layers.Dense(2)

    def call(self, inputs):
        return self.head(self.encoder(inputs))


def momentum():
    return keras.optimizers.SGD(1.0, momentum=0.9, jit_compile=False)


def started(directory, seed, make_optimizer=momentum, **settings):
    """Model with random weights, its optimizer and their checkpoint."""
    keras.utils.set_random_seed(seed)
    model = Pretrainer()
    model(tf.ones([1, 4]))
    optimizer = make_optimizer()
    optimizer.build(model.trainable_variables)
    step = tf.Variable(0, dtype=tf.int64)
    checkpoint = checkpoints.TrainingCheckpoint(
        str(directory / "checkpoints"), model=model, optimizer=optimizer, step=step, **settings
    )
    return model, optimizer, checkpoint


def train(model, optimizer, checkpoint, steps=3):
    for _ in range(steps):
        gradients = [tf.ones_like(weight) for weight in model.trainable_variables]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        checkpoint.step.assign_add(1)
        checkpoint.batches_used += 1


def trained(directory, steps=3, **settings):
    model, optimizer, checkpoint = started(directory, seed=0, **settings)
    train(model, optimizer, checkpoint, steps)
    checkpoint.seconds.assign(12.5)
    checkpoint.save()
    return model, optimizer, checkpoint


def values(variables):
    return [variable.numpy().tolist() for variable in variables]


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


def kept(directory):
    return sorted(path.stem for path in (directory / "checkpoints").glob("ckpt-*.json"))


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


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("ending", [".data-00000-of-00001", ".index", ".json"])
def test_of_a_damaged_checkpoint_the_one_before_is_used_and_said(tmp_path, capsys, ending):
    model, optimizer, checkpoint = trained(tmp_path)
    before = values(model.weights)
    train(model, optimizer, checkpoint)
    checkpoint.save()
    flip_a_byte(tmp_path / "checkpoints" / f"ckpt-6{ending}")
    other, _, checkpoint = started(tmp_path, seed=1)
    assert checkpoint.restore()
    assert (values(other.weights), checkpoint.steps_done) == (before, 3)
    printed = capsys.readouterr().err
    assert "ckpt-6 is damaged" in printed and "the one before is used, ckpt-3" in printed


@pytest.mark.parametrize("missing", [".data-00000-of-00001", ".index"])
def test_a_checkpoint_without_one_of_its_files_is_damaged(tmp_path, missing):
    trained(tmp_path)
    (tmp_path / "checkpoints" / f"ckpt-3{missing}").unlink()
    with pytest.raises(OSError, match=f"no whole checkpoint: ckpt-3 is damaged .ckpt-3{missing}"):
        started(tmp_path, seed=1)[2].restore()


def test_what_was_never_finished_is_no_checkpoint_and_goes_with_the_next(tmp_path, capsys):
    trained(tmp_path)
    folder = tmp_path / "checkpoints"
    for name in ("ckpt-6.index", "ckpt-6.data-00000-of-00001"):
        (folder / name).write_bytes(b"half")
    (folder / "ckpt-6_temp").mkdir()
    _, _, checkpoint = started(tmp_path, seed=1)
    assert checkpoint.restore() and checkpoint.steps_done == 3
    assert "ckpt-6 was not finished" in capsys.readouterr().err
    checkpoint.step.assign(5)
    checkpoint.save()
    assert not list(folder.glob("ckpt-6*"))


def test_a_first_checkpoint_that_was_never_finished_begins_again(tmp_path, capsys):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / "ckpt-3.index").write_bytes(b"half")
    assert not started(tmp_path, seed=1)[2].restore()
    assert "ckpt-3 was not finished" in capsys.readouterr().err


def test_a_disk_that_is_full_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    model, optimizer, checkpoint = trained(tmp_path)
    before = values(model.weights)
    train(model, optimizer, checkpoint)

    def half_a_checkpoint(self, path, options=None):
        pathlib.Path(f"{path}.data-00000-of-00001").write_bytes(b"half")
        raise tf.errors.ResourceExhaustedError(None, None, f"{path}; No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tf.train.Checkpoint, "write", half_a_checkpoint)
        with pytest.raises(
            OSError, match="step 6 could not.*: No space left on device. ckpt-3 is whole; make"
        ):
            checkpoint.save()
    assert not list((tmp_path / "checkpoints").glob("ckpt-6*"))
    other, _, checkpoint = started(tmp_path, seed=1)
    assert checkpoint.restore() and values(other.weights) == before


def test_a_disk_that_fills_up_after_the_checkpoint_leaves_it_whole(tmp_path, monkeypatch):
    """As its held-out loss is added, or an old one removed; else none would be left here."""
    model, optimizer, checkpoint = trained(tmp_path, keep=1)
    before = values(model.weights)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files, "seal", full)
        with pytest.raises(OSError, match="step 3 could not be written.* ckpt-3 is whole"):
            checkpoint.evaluated(5.0)
    other, _, again = started(tmp_path, seed=1)
    assert again.restore() and values(other.weights) == before
    train(model, optimizer, checkpoint)
    with monkeypatch.context() as patch:
        patch.setattr(files, "keep_only", full)
        checkpoint.save()
    assert kept(tmp_path) == ["ckpt-3", "ckpt-6"]
    checkpoint.step.assign(9)
    checkpoint.save()
    assert kept(tmp_path) == ["ckpt-9"]


def test_what_a_signal_saves_after_a_damaged_checkpoint_stays(tmp_path):
    model, optimizer, checkpoint = trained(tmp_path, every_steps=3)
    train(model, optimizer, checkpoint)
    checkpoint.save()
    flip_a_byte(tmp_path / "checkpoints" / "ckpt-6.data-00000-of-00001")
    model, optimizer, checkpoint = started(tmp_path, seed=1, every_steps=3)
    assert checkpoint.restore()
    train(model, optimizer, checkpoint, 1)
    checkpoint.save()
    other, _, checkpoint = started(tmp_path, seed=2, every_steps=3)
    assert checkpoint.restore()
    assert (values(other.weights), checkpoint.steps_done) == (values(model.weights), 4)


def test_a_run_may_lie_in_a_folder_named_checkpoints(tmp_path):
    model, _, _ = trained(tmp_path / "checkpoints" / "small")
    other, _, _ = started(tmp_path / "other", seed=1)
    checkpoints.load_pretrained_model(other, tmp_path / "checkpoints" / "small")
    assert values(other.weights) == values(model.weights)
    one = tmp_path / "checkpoints" / "small" / "checkpoints" / "ckpt-3"
    assert checkpoints.run_of(one) == tmp_path / "checkpoints" / "small"
    assert checkpoints.newest_checkpoint(one) == str(one)


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


def test_encoder_alone_comes_out(tmp_path):
    model, _, _ = trained(tmp_path)
    other, _, _ = started(tmp_path / "other", seed=1)
    head = values(other.head.weights)
    checkpoints.load_pretrained_encoder(other.encoder, tmp_path)
    assert values(other.encoder.weights) == values(model.encoder.weights)
    assert values(other.head.weights) == head


def test_weights_without_optimizer_and_step_begin_another_run(tmp_path):
    model, _, _ = trained(tmp_path)
    other, optimizer, checkpoint = started(tmp_path / "other", seed=1)
    state = values(optimizer.variables)
    checkpoints.load_pretrained_model(other, tmp_path)
    assert values(other.weights) == values(model.weights)
    assert (values(optimizer.variables), checkpoint.steps_done) == (state, 0)


def test_folder_without_checkpoint_or_vocabulary_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint.*--output folder of"):
        checkpoints.newest_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="no vocab.txt"):
        checkpoints.find_vocab(tmp_path)
