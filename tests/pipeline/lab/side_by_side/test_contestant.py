import pytest

from pipeline.lab.side_by_side.contestant import Contestant


@pytest.mark.parametrize("name", ["MALLOC_TOP_PAD_", "GLIBC_TUNABLES", "PYTHONPATH"])
def test_a_peer_as_run_inherits_nothing_that_tunes_it(name):
    environment = Contestant("peer", "peer.py").environment({name: "1", "HOME": "/home"})
    assert name not in environment and environment["HOME"] == "/home"


def test_helped_allocator_keeps_its_memory_in_large_pages():
    environment = Contestant("peer", "peer.py", helped=True).environment({})
    assert environment["GLIBC_TUNABLES"] == "glibc.malloc.hugetlb=1"
    assert environment["MALLOC_MMAP_MAX_"] == "0"
    assert environment["MALLOC_TRIM_THRESHOLD_"] == "2147483647"
