import json
import os

from pipeline.lab.prepare.program import run_module

PROGRAM = """
import os, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
burn(0.6)
buffer = bytearray(50_000_000)
def main(flags):
    global buffer
    del buffer
    buffer = bytearray(120_000_000)
    if flags == ["child"]:
        if (child := os.fork()) == 0:
            burn(0.3)
            os._exit(0)
        os.waitpid(child, 0)
    with open(os.environ["CORES"], "w") as file:
        file.write(str(os.sched_getaffinity(0)))
    return 0
"""


def _measure(tmp_path, monkeypatch, *flags):
    (tmp_path / "burner.py").write_text(PROGRAM)
    monkeypatch.setenv("CORES", str(tmp_path / "cores"))
    core = max(os.sched_getaffinity(0))
    report = tmp_path / "report.json"
    arguments = [str(report), str(core), "burner,json", *flags]
    run_module("pipeline.lab.prepare.measured_call", arguments, python_path=str(tmp_path))
    assert (tmp_path / "cores").read_text() == f"{{{core}}}"
    return json.loads(report.read_text())


def test_work_of_the_import_is_not_counted(tmp_path, monkeypatch):
    assert _measure(tmp_path, monkeypatch)["cpu_seconds"] < 0.3


def test_work_of_child_processes_is_counted(tmp_path, monkeypatch):
    assert _measure(tmp_path, monkeypatch, "child")["cpu_seconds"] >= 0.3


def test_peak_memory_is_of_this_process_not_of_the_larger_one_that_started_it(
    tmp_path, monkeypatch
):
    measured = _measure(tmp_path, monkeypatch)  # the tests hold TensorFlow: some 600 MB
    assert 50 < measured["imports_mb"] < 120 < measured["peak_mb"] < 250
