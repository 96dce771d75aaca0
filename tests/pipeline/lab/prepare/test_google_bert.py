import sys
import types

from pipeline.lab.prepare import google_bert


def test_script_gets_its_own_flags_and_one_output_file(monkeypatch):
    calls = []
    script = types.ModuleType(google_bert.SCRIPT)
    script.FLAGS = calls.append
    script.main = lambda argv: calls.append("main")
    monkeypatch.setitem(sys.modules, "bert", types.ModuleType("bert"))
    monkeypatch.setitem(sys.modules, google_bert.SCRIPT, script)
    assert google_bert.main(["--input=in.txt", "--dupe_factor=3", "--output=folder"]) == 0
    assert calls == [
        [
            "bert.create_pretraining_data",
            "--input_file=in.txt",
            "--output_file=folder/records.tfrecord",
            "--dupe_factor=3",
        ],
        "main",
    ]
