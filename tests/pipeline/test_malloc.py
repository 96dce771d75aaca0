import ctypes
import os

from pipeline import malloc


def test_library_without_mallopt_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert malloc.keep_freed_memory() is False


def test_every_parameter_is_set_once(monkeypatch):
    calls = []

    class Library:
        def mallopt(self, parameter, value):
            calls.append((parameter, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    assert malloc.keep_freed_memory() is True
    assert calls == [(-4, 0), (-1, 2**31 - 1), (-2, 268435456)]


def test_processes_that_are_started_read_the_same_from_their_environment(monkeypatch):
    names = ("MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")
    for name in names:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    malloc.keep_freed_memory()
    assert [os.environ[name] for name in names] == ["0", "2147483647", "268435456"]


def test_what_the_user_set_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_TOP_PAD_", "4096")
    malloc.keep_freed_memory()
    assert os.environ["MALLOC_TOP_PAD_"] == "4096"
