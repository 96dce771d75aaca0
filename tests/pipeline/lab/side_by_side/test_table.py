import json

from pipeline.lab.side_by_side import table


def test_last_line_gives_the_ratios():
    programs = {"mnemosyne": {"times_ours": 1.0}, "peer": {"times_ours": 2.5}}
    line = table.last_line([("BERT-mini", programs), ("MRPC", programs)])
    assert line == "CPU time of a step, ours 1; BERT-mini: 2.50x peer; MRPC: 2.50x peer"


def test_ours_alone_has_nothing_to_compare_with():
    line = table.last_line([("BERT-mini", {"mnemosyne": {"times_ours": 1.0}})])
    assert line == "CPU time of a step, ours 1; nothing to compare with"


def test_json_says_what_was_measured_with_what(tmp_path):
    path, case = tmp_path / "train.json", {"size": "mini"}
    table.save(str(path), "train", [case], {"rounds": 3})
    saved = json.loads(path.read_text())
    assert (saved["suite"], saved["cases"], saved["settings"]) == ("train", [case], {"rounds": 3})
    assert saved["processor"] and {"python", "tensorflow"} <= set(saved["versions"])
