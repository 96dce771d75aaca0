import pytest
import tensorflow as tf

from pipeline.run.watching import device_peak
from pipeline.run.watching.device_peak import find_peak, gpu_peak, measured_gemm, tpu_peak


@pytest.mark.parametrize(
    ("name", "precision", "teraflops"),
    [
        ("NVIDIA A100-SXM4-80GB", "float32", 156.0),
        ("NVIDIA A100-SXM4-80GB", "bfloat16", 312.0),
        ("NVIDIA H100 80GB HBM3", "bfloat16", 989.0),
        ("NVIDIA H100 PCIe", "bfloat16", 756.0),
        ("Tesla V100-PCIE-16GB", "float16", 112.0),
        ("Tesla V100-SXM2-16GB", "float16", 125.0),
    ],
)
def test_a_known_gpu_has_the_peak_of_its_data_sheet(name, precision, teraflops):
    assert gpu_peak(name, precision).flops == teraflops * 1e12


@pytest.mark.parametrize(
    ("name", "precision"),
    [("NVIDIA GeForce GTX 1080", "float32"), ("Tesla T4", "bfloat16"), ("", "float32")],
)
def test_a_gpu_or_a_type_that_is_not_known_has_none(name, precision):
    assert gpu_peak(name, precision) is None


@pytest.mark.parametrize(
    ("accelerator_type", "teraflops"),
    [("v2-8", 4 * 45), ("v3-8", 4 * 123), ("v4-8", 4 * 275), ("v5litepod-4", 4 * 197)],
)
def test_a_tpu_slice_counts_cores_or_chips_as_its_name_does(accelerator_type, teraflops):
    assert tpu_peak(accelerator_type).flops == teraflops * 1e12


@pytest.mark.parametrize("accelerator_type", ["", "v9-8", "v3"])
def test_a_tpu_that_is_not_known_has_none(accelerator_type):
    assert tpu_peak(accelerator_type) is None


def test_a_cpu_is_measured_and_shared_by_its_replicas(two_replicas, monkeypatch):
    monkeypatch.setattr(device_peak, "measured_gemm", lambda precision: 5e9)
    for strategy in (two_replicas, tf.distribute.OneDeviceStrategy("/CPU:0")):
        assert find_peak(strategy).flops == 5e9


def test_the_measurement_counts_two_operations_a_multiply_add(monkeypatch):
    # Begun; two rounds of: is there time, started, done; no time. They take 0.5 and 0.1 seconds.
    ticks = iter([0.0, 0.0, 1.0, 1.5, 0.0, 1.6, 1.7, 9.0])
    monkeypatch.setattr(device_peak.time, "perf_counter", lambda: next(ticks))
    assert measured_gemm() == pytest.approx(2 * 768**3 / 0.1)
