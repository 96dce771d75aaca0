import json

import numpy as np
import pytest

from mnemosyne_tf.meta_params import MetaParams
from pipeline.lab.races import verdict
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.tasks.task import Task


def outcome(name, ours, released, nominal, plateau=None):
    """A comparison of as many seeds as losses are given; AdamW ends at 5."""
    losses = {"adamw": [5.0] * len(ours), "mnemosyne:new.npz": ours, "mnemosyne": released}
    curves = {key: {1.0: ends_at(values)} for key, values in losses.items()}
    curves["nominal"] = {0.5: ends_at(nominal), 1.0: ends_at([loss + 9 for loss in nominal])}
    return Outcome(Task(name, None, None, 64, 9, 1), curves, plateau)


def judge(*outcomes, all_tasks=(), to_beat="mnemosyne", **against):
    names = ("mnemosyne:new.npz", to_beat, "nominal")
    return verdict.judge(
        outcomes, meta_params="new.npz", names=names, all_tasks=all_tasks, **against
    )


def ends_at(losses):
    return [Curve([9], [1.0], [1.0], [loss], [0.5]) for loss in losses]


def both(loss):
    return [loss, loss]


@pytest.mark.parametrize(
    ("ours", "released", "nominal", "passes"),
    [
        (4.00, 4.05, 4.00, True),
        (4.02, 4.05, 4.00, True),  # as far behind the swept rule as it may be
        (4.03, 4.05, 4.00, False),  # further behind
        (4.05, 4.05, 4.10, False),  # no better than the released set
        (np.nan, 4.05, 4.00, False),
    ],
)
def test_it_requires_a_win_over_the_released_set_near_the_swept_rule(
    ours, released, nominal, passes
):
    raced = outcome("t", both(ours), both(released), both(nominal))
    assert judge(raced, all_tasks=["t"]).passes is passes


@pytest.mark.parametrize(
    ("ours", "error", "passes"),
    [
        ([3.9, 4.0], 0.05, True),
        ([3.85, 4.05], 0.1, False),
        ([3.6, 4.35], 0.375, False),
        ([3.9], np.nan, False),
    ],
    ids=["ahead", "within two errors", "within one", "one seed has none"],
)
def test_a_lead_must_exceed_two_standard_errors(ours, error, passes):
    """Differences to the set to beat: -0.2, -0.1; -0.25, -0.05; -0.5, +0.25; means are below 0."""
    found = judge(outcome("t", ours, [4.1] * len(ours), [5.0] * len(ours)))
    assert found.lead[0] < 0 and found.passes is passes
    assert found.lead[1] == pytest.approx(error, nan_ok=True)


def test_seeds_are_compared_in_pairs_and_errors_of_tasks_add_as_squares():
    """Seeds lie 1 apart and differences 0.2 (error 0.1) and 0.4 (error 0.2) apart."""
    first = outcome("a", [2.9, 3.7], [3.0, 4.0], both(5.0))
    second = outcome("b", [2.9, 3.5], [3.0, 4.0], both(5.0))
    found = judge(first, second)
    assert found.lead == pytest.approx((-0.25, np.hypot(0.1, 0.2) / 2))


def test_every_task_must_be_near_the_swept_rule():
    good = outcome("good", both(3.0), both(4.0), both(3.5))
    bad = outcome("bad", both(3.6), both(3.7), both(3.5))
    found = judge(good, bad, all_tasks=["good", "bad"])
    assert found.worst == pytest.approx(0.1) and not found.passes
    assert "not passed, on 2 task(s) -0.5500 +- 0.0000 nats" in found.in_words()
    assert "at worst +0.1000" in found.in_words()


def test_a_task_on_its_plateau_says_nothing():
    raced = outcome("t", both(3.0), both(4.0), both(3.5), plateau=5.1)
    found = judge(raced, all_tasks=["t"])
    assert found.losses == {} and not found.passes
    assert found.in_words() == "gate: no verdict, no task counts"


def test_nothing_passes_before_all_tasks_were_judged():
    raced = outcome("t", both(3.0), both(4.0), both(3.5))
    found = judge(raced, all_tasks=["t", "u"])
    assert found.unjudged == ["u"] and found.wins and not found.passes
    assert found.in_words().startswith("gate: not passed yet, ahead so far, on 1 task(s)")
    assert found.in_words().endswith("not judged: u")


def test_history_gains_a_row_each_time(tmp_path):
    meta_params = MetaParams.nominal()
    meta_params.save(tmp_path / "new.npz")
    losses = verdict.Losses([4.0, 4.0], [4.0, 4.2], [4.2, 4.2])
    found = verdict.Verdict(str(tmp_path / "new.npz"), {"t": losses}, [])
    for _ in range(2):
        verdict.add_to_history(str(tmp_path / "gate.md"), found)
    header, rule, *rows = (tmp_path / "gate.md").read_text().splitlines()
    assert header.count("|") == rule.count("|") == rows[0].count("|")
    assert len(rows) == 2 and rows[0] == rows[1]
    assert meta_params.fingerprint()[:12] in rows[0]
    assert "| 2 | t: 4.0000, 4.1000, 4.2000 |" in rows[0]


def test_another_set_may_be_the_one_to_beat():
    raced = outcome("t", both(4.0), both(3.0), both(4.0))
    raced.curves["mnemosyne:nominal"] = {1.0: ends_at(both(4.1))}
    assert not judge(raced).passes
    found = judge(raced, to_beat="mnemosyne:nominal", against="nominal")
    assert found.passes and "-0.1000 +- 0.0000 nats against nominal" in found.in_words()


def test_the_verdict_is_saved_next_to_the_file_that_was_judged(tmp_path):
    checkpoint = tmp_path / "meta_params-00005.npz"
    MetaParams.nominal().save(checkpoint)
    losses = verdict.Losses([4.0, np.nan], [4.1, 4.2], [4.2, 4.2])
    found = verdict.Verdict(str(checkpoint), {"t": losses}, ["u"])
    verdict.save(found)
    assert verdict.file_of(found) == str(tmp_path / "meta_params-00005.gate.json")
    saved = json.loads((tmp_path / "meta_params-00005.gate.json").read_text())
    assert saved["fingerprint"] == MetaParams.nominal().fingerprint()
    assert saved["passes"] is False and saved["verdict"] == found.in_words()
    assert saved["final_losses"]["t"]["candidate"] == [4.0, None]
