import builtins
import platform

from pipeline.lab.prepare import processor


def test_without_proc_it_is_the_architecture(monkeypatch):
    def refuse(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(builtins, "open", refuse)
    assert processor.name() == platform.machine()
