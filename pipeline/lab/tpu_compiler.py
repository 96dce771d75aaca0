"""The compiler of TPUs, for programs of TensorFlow and a TPU that is not there.

TensorFlow lowers a program on the CPU; JAX knows the topologies of TPUs and hands the program to
the compiler of `libtpu`. Nothing runs: this shows that a program compiles, what it holds and what
it computes. Needs the packages of the extra `tpu`.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable

import numpy as np

from pipeline.lab.tpu_topologies import TOPOLOGIES

_BOOLEANS = re.compile(r'dense<"0x([0-9A-F]*)"> : tensor<([0-9x]+)xi1>')
_COPY = re.compile(r"mhlo\.copy (%\S+) : (tensor<[^>]*>)")


def compiler_for(tpu: str) -> Callable[[str], dict[str, float]]:
    """Returns a function from StableHLO text to figures of the program compiled for `tpu`.

    The names of JAX that begin with an underscore are private; they stay in here.

    Args:
        tpu: a key of `TOPOLOGIES`; one chip of it is compiled for.

    Raises:
        ValueError: the packages of the extra are not installed.
    """
    topology, accelerator = TOPOLOGIES[tpu]
    os.environ |= {
        "JAX_PLATFORMS": "cpu",
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_ACCELERATOR_TYPE": accelerator,
        "TPU_WORKER_HOSTNAMES": "localhost",
        # Several processes may compile at the same time: none of them holds a device.
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    }
    try:
        import jax
        import libtpu  # noqa: F401
        from jax._src import compiler
        from jax._src.interpreters import mlir
        from jax._src.lib import xla_client
        from jax.experimental import topologies
        from jaxlib.mlir import ir
    except ImportError as error:
        raise ValueError(
            f"--tpu: expected the packages jax and libtpu, but {error.name} is not installed. "
            "Install them: pip install 'mnemosyne-bert[tpu]'."
        ) from error
    print(f"jax {jax.__version__}", file=sys.stderr)
    devices = topologies.get_topology_desc(platform="tpu", topology_name=topology).devices[:1]
    options = compiler.get_compile_options(
        num_replicas=1, num_partitions=1, device_assignment=[[devices[0].id]]
    )

    def compile_for_tpu(text: str) -> dict[str, float]:
        started = time.process_time()
        with mlir.make_ir_context():
            module = ir.Module.parse(with_a_byte_a_boolean(without_copies(text)))
            program = devices[0].client.compile(
                module, xla_client.DeviceList(tuple(devices)), options
            )
        memory, cost = program.get_compiled_memory_stats(), program.cost_analysis()
        cost = cost[0] if isinstance(cost, list) else cost
        return {
            "cpu_seconds": time.process_time() - started,
            "argument_bytes": memory.argument_size_in_bytes,
            "temp_bytes": memory.temp_size_in_bytes,
            "code_bytes": memory.generated_code_size_in_bytes,
            "flops": cost["flops"],
        }

    return compile_for_tpu


def without_copies(text: str) -> str:
    """Writes TensorFlow's copies, which JAX's parser does not know, as reshapes to no new shape."""
    return _COPY.sub(r"stablehlo.reshape \1 : (\2) -> \2", text)


def with_a_byte_a_boolean(text: str) -> str:
    """Writes constants of booleans with a byte each, as JAX's parser wants them, not with a bit."""

    def spread(match: re.Match) -> str:
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(match[1]), np.uint8), bitorder="little")
        size = math.prod(map(int, match[2].split("x")))
        return f'dense<"0x{bits[:size].tobytes().hex().upper()}"> : tensor<{match[2]}xi1>'

    return _BOOLEANS.sub(spread, text)
