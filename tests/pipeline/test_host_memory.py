import ctypes

from pipeline import host_memory


def test_library_without_mallopt_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert host_memory.keep_freed_memory() is False


def test_every_parameter_is_set_once(monkeypatch):
    calls = []

    class Library:
        def mallopt(self, parameter, value):
            calls.append((parameter, value))
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    assert host_memory.keep_freed_memory() is True
    assert calls == [(-4, 0), (-1, 2**31 - 1), (-2, 268435456)]
