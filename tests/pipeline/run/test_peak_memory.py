import sys

import numpy as np
import pytest

from pipeline.run.peak_memory import peak_memory_of


@pytest.mark.skipif(sys.platform != "linux", reason="the process is measured on Linux alone")
def test_memory_that_is_freed_again_is_counted():
    def allocate():
        assert np.ones(25_000_000, np.float64).sum() == 25e6  # 200 MB, written

    peak = peak_memory_of(allocate, "CPU:0")
    if peak is None:
        pytest.skip("this system counts no peak memory of a process")
    # The kernel counts pages in batches, and other threads of the process allocate meanwhile.
    assert 190e6 <= peak < 300e6
