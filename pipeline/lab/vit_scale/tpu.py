"""A step of a large vision transformer, compiled for a TPU that is not there.

TensorFlow lowers the step here, without memory for weights and state since no step is made;
`pipeline.lab.tpu_compiler` hands it to the compiler of `libtpu`.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from pipeline.lab import figures_file
from pipeline.lab.tpu_compiler import compiler_for
from pipeline.lab.vit_scale.one_step import StepSettings, built_model, gradients_of, make_optimizer
from pipeline.lab.vit_scale.without_memory import variables_without_memory
from pipeline.optimizers.table import display_name


def run(
    sizes: Sequence[str],
    optimizers: Sequence[str],
    *,
    tpu: str,
    output: str | None = None,
    **settings,
) -> None:
    """Compiles a step of every size and optimizer, prints its figures and writes them as JSON.

    Args:
      sizes: of the model.
      optimizers: names in a recipe.
      tpu: a key of `tpu_topologies.TOPOLOGIES`.
      output: JSON to write, or None.
      **settings: others of `StepSettings`.

    Raises:
      ValueError: the packages of the extra `tpu` are not installed.
    """
    compile_for_tpu = compiler_for(tpu)
    rows = []
    for size in sizes:
        for optimizer in optimizers:
            one = StepSettings(size=size, optimizer=optimizer, **settings)
            figures, problem = _compiled(compile_for_tpu, one)
            rows.append({"size": size, "optimizer": optimizer, **figures, "problem": problem})
            print(_words(one, tpu, figures, problem), flush=True)
            if output:
                content = {"suite": "vit_tpu", "tpu": tpu, **settings, "rows": rows}
                figures_file.save(output, content, versions_of=("tensorflow",))
    print(f"compiled {sum(not row['problem'] for row in rows)} of {len(rows)}")


def _compiled(compile_for_tpu, settings: StepSettings) -> tuple[dict, str]:
    """Returns the figures, and why there are none."""
    try:
        return compile_for_tpu(lowered_step(settings)), ""
    except RuntimeError as error:  # what does not fit into the chip is no defect
        return {}, str(error).splitlines()[0]


def lowered_step(settings: StepSettings) -> str:
    """Returns a step with everything trained as one program, in StableHLO."""
    with variables_without_memory():
        model = built_model(settings)
        optimizer = make_optimizer(settings)
        optimizer.jit_compile = False  # it is inlined
        optimizer.build(model.trainable_variables)
    variables = model.trainable_variables

    @tf.function(jit_compile=True)
    def step(images, labels):
        loss, found = gradients_of(model, images, labels)
        optimizer.apply_gradients(zip(found, variables, strict=True))
        return loss

    side = settings.resolution
    images = tf.zeros([settings.batch_size, side, side, 3])
    labels = tf.zeros([settings.batch_size], tf.int32)
    return step.experimental_get_compiler_ir(images, labels)(stage="stablehlo")


def _words(settings: StepSettings, tpu: str, figures: dict, problem: str) -> str:
    name = (
        f"ViT-{settings.size}, {display_name(settings.optimizer)}, {settings.batch_size} images of "
        f"{settings.resolution} pixels, {settings.precision}, TPU {tpu}"
    )
    if problem:
        return f"{name}: not compiled: {problem}"
    held = figures["argument_bytes"] + figures["temp_bytes"]
    return (
        f"{name}: compiled in {figures['cpu_seconds']:.0f} CPU s; arguments "
        f"{figures['argument_bytes'] / 1e9:.2f} GB, temporaries {figures['temp_bytes'] / 1e9:.2f} "
        f"GB, together {held / 1e9:.2f} GB a chip, {figures['flops'] / 1e12:.2f} TFLOP a step"
    )
