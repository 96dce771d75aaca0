"""One size and one optimizer in this process: real steps, their memory and their time.

Run by `story` as `python -m pipeline.lab.vit_scale.one_step SETTINGS`, SETTINGS in JSON; the last
line of its output is the result, in JSON.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from models.vit import ViTClassifier, ViTConfig
from pipeline.optimizers import from_recipe
from pipeline.optimizers.table import MNEMOSYNE, OPTIMIZER_TABLE
from pipeline.recipes.sections import OptimizerConfig
from pipeline.run.peak_memory import peak_memory_of
from pipeline.run.precision import layers_compute_in

_DEVICE = "CPU:0"


@dataclasses.dataclass(frozen=True)
class StepSettings:
    """What is measured.

    Attributes:
      size: of the model, a key of `SIZES`.
      optimizer: a name in a recipe.
      batch_size: images.
      resolution: pixels of a side.
      classes: of the head.
      precision: that layers compute in.
      recompute: whether the backward pass computes blocks again.
      repeats: steps behind each time; with 0 the first step alone is made and measured, which
        compiles too.
    """

    size: str
    optimizer: str
    batch_size: int = 1
    resolution: int = 224
    classes: int = 1_000
    precision: str = "float32"
    recompute: bool = False
    repeats: int = 1


def measure(settings: StepSettings) -> dict:
    """Returns what `story.COLUMNS` shows; memory in bytes, times in seconds."""
    side = settings.resolution
    model = built_model(settings)
    optimizer = make_optimizer(settings)
    optimizer.build(model.trainable_variables)
    images = tf.random.stateless_normal([settings.batch_size, side, side, 3], [0, 0])
    labels = tf.range(settings.batch_size) % settings.classes
    backward, step = _programs(model, optimizer, images, labels)
    if settings.repeats:
        step()  # compiles
    before = _resident_bytes()
    timed: list[tuple[float, float]] = []
    peak = peak_memory_of(lambda: timed.append(_timed(step)), _DEVICE)
    loss, step_seconds = timed[-1]
    held = _resident_bytes()
    weights = sum(variable.shape.num_elements() for variable in model.trainable_variables)
    state = sum(variable.shape.num_elements() * variable.dtype.size for variable in
                optimizer.variables)  # fmt: skip
    update_fraction = None
    if settings.repeats:
        backward()
        seconds = [_timed(backward)[1] for _ in range(settings.repeats)]
        step_seconds = min([step_seconds, *(_timed(step)[1] for _ in seconds[1:])])
        update_fraction = max(0.0, 1 - min(seconds) / step_seconds)
    return {
        **dataclasses.asdict(settings),
        "tokens": model.config.num_tokens(side, side),
        "weights": weights,
        "state_bytes": state,
        "held_bytes": held,
        "peak_bytes": before + peak if peak is not None else None,
        "step_seconds": step_seconds,
        "update_fraction": update_fraction,
        "loss": loss,
    }


def built_model(settings: StepSettings) -> ViTClassifier:
    """Returns the model with random weights."""
    config, side = ViTConfig.named(settings.size), settings.resolution
    with layers_compute_in(settings.precision):
        model = ViTClassifier(config, settings.classes, settings.recompute, name="vit")
        # Built by a trace: no forward pass is run for it.
        tf.function(model).get_concrete_function(tf.TensorSpec([1, side, side, 3]))
    return model


def make_optimizer(settings: StepSettings) -> keras.optimizers.Optimizer:
    """Returns the optimizer as fine-tuning makes it, of a rate that does not matter here."""
    row = OPTIMIZER_TABLE[settings.optimizer]
    # The rate changes neither memory nor time.
    rate = None if settings.optimizer == MNEMOSYNE.name else min(row.sweep_rates)
    config = OptimizerConfig(name=settings.optimizer, learning_rate=rate)
    return from_recipe.make_optimizer(config, 1_000, settings.batch_size, fine_tuning=True)


def gradients_of(model, images, labels) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Returns the mean loss in nats, and its gradients by all trained weights."""
    with tf.GradientTape() as tape:
        logits = model(images, training=True, dropout_seed=tf.constant([0, 0]))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
        loss = tf.reduce_mean(losses)
    return loss, tape.gradient(loss, model.trainable_variables)


def _programs(model, optimizer, images, labels) -> tuple[Callable, Callable]:
    """The gradients alone, summed up so that they are computed; and a step."""
    variables = model.trainable_variables

    @tf.function
    def backward():
        loss, found = gradients_of(model, images, labels)
        return loss + tf.add_n([tf.reduce_sum(each) for each in found])

    @tf.function
    def step():
        loss, found = gradients_of(model, images, labels)
        optimizer.apply_gradients(zip(found, variables, strict=True))
        return loss

    return backward, step


def _timed(call: Callable) -> tuple[float, float]:
    """Returns what the call returns, and how long that took."""
    began = time.perf_counter()
    return float(call()), time.perf_counter() - began


def _resident_bytes() -> int:
    """Without what was freed and is kept by the C library, as `peak_memory_of` counts."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096


def _die_first() -> None:
    """Where memory runs out, Linux ends this process before any other."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000")


def main() -> None:
    """Measures what the one argument says."""
    _die_first()
    tf.get_logger().setLevel("ERROR")
    print(json.dumps(measure(StepSettings(**json.loads(sys.argv[1])))))


if __name__ == "__main__":
    main()
