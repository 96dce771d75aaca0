"""The machine of a run, for its log and its report."""

from __future__ import annotations

import os
import pathlib
import platform

import tensorflow as tf

from models import BertConfig
from pipeline.data.batch_shape import BatchShape
from pipeline.run.watching.device_peak import find_peak
from pipeline.run.watching.model_flops import training_flops


def hardware_facts(
    shape: BatchShape, config: BertConfig, strategy: tf.distribute.Strategy, precision: str
) -> dict:
    """Returns what `run.json` says about the machine of this start.

    Args:
      shape: of the batch of one step.
      config: of the model.
      strategy: the devices.
      precision: one of `pipeline.recipes.train_section.PRECISIONS`.

    Returns:
      `hardware`: the `processor`, its `cores` for this process, `memory_gib`, `accelerators` and
      the `system`; `flops_per_step` of the model; `peak_flops` of all devices a second and
      `peak_origin`, both None where they are not known.
    """
    peak = find_peak(strategy, precision)
    return {
        "hardware": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "accelerators": _accelerators(),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "flops_per_step": training_flops(
            config,
            batch=shape.rows,
            seq_len=shape.seq_len,
            num_predictions=shape.num_predictions,
        ),
        "peak_flops": peak and peak.flops,
        "peak_origin": peak and peak.origin,
    }


def _processor() -> str:
    """The name of the processor; `platform.processor()` is empty on Linux."""
    table = pathlib.Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _accelerators() -> list[str]:
    """Names of the GPUs, or the type of the TPU."""
    details = tf.config.experimental.get_device_details
    gpus = tf.config.list_physical_devices("GPU")
    names = [details(gpu).get("device_name", "GPU") for gpu in gpus]
    tpu = os.environ.get("TPU_ACCELERATOR_TYPE")
    return [*names, f"TPU {tpu}"] if tpu else names
