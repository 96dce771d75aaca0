"""The machine of a run, for its log and its report."""

from __future__ import annotations

import os
import pathlib
import platform

import tensorflow as tf

from pipeline.run.watching.device_peak import find_peak


def hardware_facts(
    strategy: tf.distribute.Strategy, precision: str, *, flops_per_step: int
) -> dict:
    """Returns what `run.json` says about the machine of this start.

    Args:
      strategy: the devices.
      precision: one of `pipeline.recipes.train_section.PRECISIONS`.
      flops_per_step: of the model.

    Returns:
      `hardware`: the `processor`, its `cores` for this process, `memory_gib`, `accelerators` and
      the `system`; `flops_per_step`; `peak_flops` of all devices a second and
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
        "flops_per_step": flops_per_step,
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
