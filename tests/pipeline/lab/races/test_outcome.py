import json

import pytest

from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.tasks.task import Task

TASK = Task("bert", None, None, 64, 10, 2, about="some words")


def outcome(plateau, adamw=(5.9, 5.5), ours=(5.6, 5.2)):
    def curve(losses):
        return Curve([10, 20], [1.0, 2.0], [1.0, 2.0], list(losses), [0.1, 0.2])

    curves = {"adamw": {1e-3: [curve(adamw)]}, "mnemosyne": {1.0: [curve(ours)]}}
    return Outcome(TASK, curves, plateau, frozenset({"mnemosyne"}))


def test_a_comparison_counts_where_adamw_left_the_plateau():
    assert outcome(6.0).verdict() == "counts: AdamW ends 0.50 nats below the plateau of 6.000"
    assert outcome(5.81).to_json()["counts"] is True


def test_a_comparison_on_the_plateau_does_not_count_and_says_so():
    assert not outcome(5.7).counts
    assert outcome(5.7).verdict().startswith("does not count: AdamW ends only 0.20 nats below")
    assert "0.10 nats above the plateau of 5.400" in outcome(5.4).verdict()
    assert outcome(5.4).summary().endswith("first mnemosyne (does not count)")


def test_without_a_plateau_every_comparison_counts_and_none_is_mentioned():
    assert outcome(None).verdict() == ""
    assert outcome(None).to_json()["counts"] is True
    assert outcome(None).summary() == "bert: mnemosyne 1. of 2, first mnemosyne"


def test_the_text_has_settings_verdict_and_table():
    heading, verdict, table = outcome(6.0).to_markdown().split("\n\n")
    assert heading == "bert: 20 steps of 64, 1 seed(s); some words"
    assert verdict.startswith("counts")
    assert table.splitlines()[2].split()[:9] == [
        "|",
        "mnemosyne",
        "|",
        "none",
        "to",
        "set",
        "|",
        "5.2000",
        "|",
    ]


def test_json_holds_every_curve():
    content = json.loads(json.dumps(outcome(6.0).to_json()))
    assert content["adamw_below_plateau"] == pytest.approx(0.5)
    assert content["curves"]["adamw"]["0.001"][0]["losses"] == [5.9, 5.5]
    assert [row["optimizer"] for row in content["results"]] == ["mnemosyne", "adamw"]
