"""One size, one optimizer, prompt or whole model, in this process: real steps and their memory.

Run by `story` as `python -m pipeline.lab.prompt_scale.one_step SETTINGS`, SETTINGS in JSON; the
last line of its output is the result, in JSON.
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

from models.t5 import T5, T5Config
from pipeline.lab.prompt_scale.prompt_program import PromptBatch, answer_loss
from pipeline.lab.prompt_scale.tpu import optimizer_of
from pipeline.run.peak_memory import peak_memory_of

PROMPT, WHOLE = "prompt", "whole"
# Frozen weights need no more than bfloat16; weights that train are kept in float32.
_POLICIES = {PROMPT: "bfloat16", WHOLE: "mixed_bfloat16"}
_DEVICE = "CPU:0"


@dataclasses.dataclass(frozen=True)
class StepSettings:
    """What is measured.

    Attributes:
      size: of the T5, as of `T5Config.named`.
      optimizer: a name in a recipe.
      trains: "prompt" or "whole".
      rows, text, answer, prompt: of `PromptBatch`.
    """

    size: str
    optimizer: str
    trains: str = PROMPT
    rows: int = 1
    text: int = 128
    answer: int = 16
    prompt: int = 100


def measure(settings: StepSettings) -> dict:
    """Returns what `story.COLUMNS` shows; memory in bytes, times in seconds."""
    config = T5Config.named(settings.size)
    batch = PromptBatch(settings.rows, settings.text, settings.answer, settings.prompt)
    features = {name: tf.ones(spec.shape, spec.dtype) for name, spec in batch.specs().items()}
    keras.mixed_precision.set_global_policy(_POLICIES[settings.trains])
    model = T5(config)
    # Built by a trace: no forward pass is run for it.
    tf.function(model).get_concrete_function(features)
    prompt = tf.Variable(
        tf.random.stateless_normal([settings.prompt, config.hidden_dim], [0, 0]),
        name="prompt_embeddings",
    )
    trained = [prompt] if settings.trains == PROMPT else model.trainable_variables
    optimizer = optimizer_of(settings.optimizer)
    optimizer.build(trained)
    step = _step(model, optimizer, features, prompt, trained)
    step()  # compiles
    before = _resident_bytes()
    timed: list[tuple[float, float]] = []
    peak = peak_memory_of(lambda: timed.append(_timed(step)), _DEVICE)
    loss, seconds = timed[-1]
    return {
        **dataclasses.asdict(settings),
        "weights": _bytes(model.variables, 1),
        "trained": _bytes(trained, 1),
        "weight_bytes": _bytes(model.variables),
        "state_bytes": _bytes(optimizer.variables),
        "held_bytes": before,
        "peak_bytes": before + peak if peak is not None else None,
        "step_seconds": seconds,
        "loss": loss,
    }


def _step(model: T5, optimizer, features, prompt: tf.Variable, trained) -> Callable:
    is_prompt = trained[0] is prompt

    @tf.function
    def step():
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(trained)
            prompts = tf.repeat(prompt[tf.newaxis], len(features["input_ids"]), axis=0)
            loss = answer_loss(model, features, prompts if is_prompt else None)
        gradients = tape.gradient(loss, trained)
        optimizer.apply_gradients(zip(gradients, trained, strict=True))
        return loss

    return step


def _bytes(variables, each: int | None = None) -> int:
    """Bytes of variables, or with `each` so many for a number."""
    return sum(v.shape.num_elements() * (each or v.dtype.size) for v in variables)


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


def main() -> None:
    """Measures what the one argument says; where memory runs out, this process ends first."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/oom_score_adj").write_text("1000")
    tf.get_logger().setLevel("ERROR")
    print(json.dumps(measure(StepSettings(**json.loads(sys.argv[1])))))


if __name__ == "__main__":
    main()
