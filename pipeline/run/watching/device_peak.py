"""How many floating-point operations a second the devices of a run can make at best.

Of a CPU that is measured, of known GPUs and TPUs it stands in a table. The share of it that the
model's matrix products reach says how much a faster program could still gain.
"""

from __future__ import annotations

import os
import re
import time
from typing import NamedTuple

import tensorflow as tf

_GEMM_DIM = 768
_GEMM_SECONDS = 0.3


class GpuPeak(NamedTuple):
    """Teraflop/s of dense matrix products; None where the tensor cores lack the type.

    Attributes:
      name: as the driver gives it, or its beginning.
      float32: as TensorFlow computes it by default, which is TF32 where the GPU has that.
    """

    name: str
    float32: float | None
    bfloat16: float | None
    float16: float | None


# The first row whose name begins that of the GPU counts, so longer names come first.
# Source: NVIDIA's data sheets of the products, without sparsity.
GPU_PEAKS = (
    GpuPeak("Tesla V100-PCIE", 14.0, None, 112.0),
    GpuPeak("Tesla V100", 15.7, None, 125.0),
    GpuPeak("Tesla T4", 8.1, None, 65.0),
    GpuPeak("NVIDIA A100", 156.0, 312.0, 312.0),
    GpuPeak("NVIDIA A10G", None, None, None),
    GpuPeak("NVIDIA A10", 62.5, 125.0, 125.0),
    GpuPeak("NVIDIA L40S", 183.0, 362.0, 362.0),
    GpuPeak("NVIDIA L4", 60.0, 121.0, 121.0),
    GpuPeak("NVIDIA H100 PCIe", 378.0, 756.0, 756.0),
    GpuPeak("NVIDIA H100 NVL", 418.0, 835.0, 835.0),
    GpuPeak("NVIDIA H100", 494.0, 989.0, 989.0),
    GpuPeak("NVIDIA H200 NVL", 418.0, 835.0, 835.0),
    GpuPeak("NVIDIA H200", 494.0, 989.0, 989.0),
)

# Type -> teraflop/s of one unit, by which the number in TPU_ACCELERATOR_TYPE counts: cores (two a
# chip) up to v5p without v5e, chips in v5e and v6e. Products of float32 are made of bfloat16 ones.
# Source: cloud.google.com/tpu/docs, the pages of the versions: 45, 123, 275, 459, 197, 918 a chip.
TPU_PEAKS = {
    "v2": 22.5,
    "v3": 61.5,
    "v4": 137.5,
    "v5p": 229.5,
    "v5litepod": 197.0,
    "v6e": 918.0,
}


class Peak(NamedTuple):
    """Operations a second of all devices of a run, and where the figure is from."""

    flops: float
    origin: str


def find_peak(strategy: tf.distribute.Strategy, precision: str = "float32") -> Peak | None:
    """Returns the peak of the devices that a strategy trains on; None where it is not known.

    The replicas on one CPU share that CPU; all workers of a run count as alike.

    Args:
      strategy: of the run.
      precision: of the products: float32, bfloat16 or float16.
    """
    devices = strategy.extended.worker_devices
    replicas = strategy.num_replicas_in_sync
    kind = tf.DeviceSpec.from_string(devices[0]).device_type
    if kind == "TPU":
        return tpu_peak(os.environ.get("TPU_ACCELERATOR_TYPE", ""))
    if kind == "GPU":
        gpu = tf.config.list_physical_devices("GPU")[0]
        name = tf.config.experimental.get_device_details(gpu).get("device_name", "")
        one = gpu_peak(name, precision)
        return one and Peak(one.flops * replicas, one.origin)
    workers = max(1, replicas // len(devices))
    return Peak(measured_gemm(precision) * workers, f"measured, {precision}")


def gpu_peak(name: str, precision: str) -> Peak | None:
    """Returns the peak of one GPU from its name and the type of the products."""
    for row in GPU_PEAKS:
        if name.startswith(row.name):
            teraflops = getattr(row, precision)
            return teraflops and Peak(teraflops * 1e12, f"data sheet, {precision}")
    return None


def tpu_peak(accelerator_type: str) -> Peak | None:
    """Returns the peak of a whole TPU slice from its type, such as v3-8 or v5litepod-4."""
    match = re.fullmatch(r"(\w+)-(\d+)", accelerator_type)
    if not match or match[1] not in TPU_PEAKS:
        return None
    return Peak(TPU_PEAKS[match[1]] * int(match[2]) * 1e12, "data sheet, bfloat16")


def measured_gemm(precision: str = "float32") -> float:
    """Returns the operations a second of the CPU's best product of two matrices of 768 rows.

    It takes a third of a second. Other programs on the machine lower it; the best of many short
    products suffers least.
    """
    matrix = tf.cast(tf.random.stateless_normal([_GEMM_DIM] * 2, seed=[0, 0]), precision)
    product = tf.function(lambda: tf.reduce_sum(tf.matmul(matrix, matrix)), autograph=False)
    with tf.device("CPU:0"):
        product()  # traces
        best, begun = float("inf"), time.perf_counter()
        while time.perf_counter() - begun < _GEMM_SECONDS:
            started = time.perf_counter()
            product().numpy()
            best = min(best, time.perf_counter() - started)
    return 2 * _GEMM_DIM**3 / best
