import subprocess
import sys

import pytest

# A process of its own: in a long test run other threads give memory back meanwhile.
ALLOCATE_AND_FREE = """
import numpy as np
from pipeline.run.peak_memory import peak_memory_of

def allocate():
    np.ones(50_000_000, np.float64)  # 400 MB, written

allocate()
print(peak_memory_of(allocate, "CPU:0"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the process is measured on Linux alone")
def test_memory_that_is_freed_again_is_counted():
    run = subprocess.run(
        [sys.executable, "-c", ALLOCATE_AND_FREE], capture_output=True, text=True, check=True
    )
    peak = run.stdout.strip()
    if peak == "None":
        pytest.skip("this system counts no peak memory of a process")
    # The kernel adds up each thread's pages in batches, so a few megabytes may come late.
    assert 300e6 < int(peak) < 500e6
