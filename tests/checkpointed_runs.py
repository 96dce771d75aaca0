"""Runs of two weight matrices and an optimizer with momentum, and their checkpoints."""

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


def kept(directory):
    return sorted(path.stem for path in (directory / "checkpoints").glob("ckpt-*.json"))
