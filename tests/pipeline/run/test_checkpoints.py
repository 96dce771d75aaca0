import pytest
import tensorflow as tf
import tf_keras as keras

from pipeline.run import checkpoints


class Pretrainer(keras.Model):
    """An encoder and a head of one weight matrix each, as `BertPretrainer` names them."""

    def __init__(self):
        super().__init__()
        self.encoder = keras.layers.Dense(3)
        self.head = keras.layers.Dense(2)

    def call(self, inputs):
        return self.head(self.encoder(inputs))


def started(directory, seed):
    """Model with random weights, its optimizer and their checkpoint."""
    keras.utils.set_random_seed(seed)
    model = Pretrainer()
    model(tf.ones([1, 4]))
    optimizer = keras.optimizers.SGD(1.0, momentum=0.9, jit_compile=False)
    optimizer.build(model.trainable_variables)
    step = tf.Variable(0, dtype=tf.int64)
    checkpoint = checkpoints.TrainingCheckpoint(
        str(directory / "checkpoints"), model=model, optimizer=optimizer, step=step
    )
    return model, optimizer, checkpoint


def trained(directory, steps=3):
    model, optimizer, checkpoint = started(directory, seed=0)
    for _ in range(steps):
        gradients = [tf.ones_like(weight) for weight in model.trainable_variables]
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        checkpoint.step.assign_add(1)
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


def test_a_new_folder_has_nothing_to_restore(tmp_path):
    _, _, checkpoint = started(tmp_path, seed=0)
    assert not checkpoint.restore()
    assert checkpoint.steps_done == 0


def test_the_newest_two_are_kept_under_their_step(tmp_path):
    _, _, checkpoint = trained(tmp_path)
    for step in (6, 9):
        checkpoint.step.assign(step)
        checkpoint.save()
    kept = {path.name for path in (tmp_path / "checkpoints").glob("*.index")}
    assert kept == {"ckpt-6.index", "ckpt-9.index"}
    assert checkpoints.newest_checkpoint(tmp_path).endswith("ckpt-9")


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
