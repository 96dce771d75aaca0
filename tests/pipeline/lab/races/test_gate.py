import json

import numpy as np
import pytest

from mnemosyne_tf.meta_params import MetaParams
from pipeline.commands import bench
from pipeline.lab.races import gate
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.run import Curve
from pipeline.lab.races.tasks import Task


def outcome(name, ours, shipped, nominal, plateau=None):
    """A race of as many seeds as losses are given; AdamW ends at 5."""
    losses = {"adamw": [5.0] * len(ours), "mnemosyne:new.npz": ours, "mnemosyne": shipped}
    curves = {key: {1.0: ends_at(values)} for key, values in losses.items()}
    curves["nominal"] = {0.5: ends_at(nominal), 1.0: ends_at([loss + 9 for loss in nominal])}
    return Outcome(Task(name, None, None, 64, 9, 1), curves, plateau)


def ends_at(losses):
    return [Curve([9], [1.0], [1.0], [loss], [0.5]) for loss in losses]


def both(loss):
    return [loss, loss]


@pytest.mark.parametrize(
    ("ours", "shipped", "nominal", "passes"),
    [
        (4.00, 4.05, 4.00, True),
        (4.02, 4.05, 4.00, True),  # as far behind the swept rule as it may be
        (4.03, 4.05, 4.00, False),  # further behind
        (4.05, 4.05, 4.10, False),  # no better than what ships
        (np.nan, 4.05, 4.00, False),
    ],
)
def test_it_asks_for_a_win_over_what_ships_near_the_swept_rule(ours, shipped, nominal, passes):
    raced = outcome("t", both(ours), both(shipped), both(nominal))
    assert gate.judge([raced], "new.npz", ["t"]).passes is passes


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
    """Differences to what ships: -0.2, -0.1; -0.25, -0.05; -0.5, +0.25. All lead on the mean."""
    verdict = gate.judge([outcome("t", ours, [4.1] * len(ours), [5.0] * len(ours))], "new.npz", [])
    assert verdict.lead[0] < 0 and verdict.passes is passes
    assert verdict.lead[1] == pytest.approx(error, nan_ok=True)


def test_seeds_are_compared_in_pairs_and_errors_of_tasks_add_as_squares():
    """Seeds lie 1 apart and differences 0.2 (error 0.1) and 0.4 (error 0.2) apart."""
    first = outcome("a", [2.9, 3.7], [3.0, 4.0], both(5.0))
    second = outcome("b", [2.9, 3.5], [3.0, 4.0], both(5.0))
    verdict = gate.judge([first, second], "new.npz", [])
    assert verdict.lead == pytest.approx((-0.25, np.hypot(0.1, 0.2) / 2))


def test_every_task_must_be_near_the_swept_rule():
    good = outcome("good", both(3.0), both(4.0), both(3.5))
    bad = outcome("bad", both(3.6), both(3.7), both(3.5))
    verdict = gate.judge([good, bad], "new.npz", ["good", "bad"])
    assert verdict.worst == pytest.approx(0.1) and not verdict.passes
    assert "not passed, on 2 task(s) -0.5500 +- 0.0000 nats" in verdict.in_words()
    assert "at worst +0.1000" in verdict.in_words()


def test_a_task_on_its_plateau_says_nothing():
    raced = outcome("t", both(3.0), both(4.0), both(3.5), plateau=5.1)
    verdict = gate.judge([raced], "new.npz", ["t"])
    assert verdict.losses == {} and not verdict.passes
    assert verdict.in_words() == "gate: no verdict, no task counts"


def test_nothing_passes_before_all_tasks_were_judged():
    raced = outcome("t", both(3.0), both(4.0), both(3.5))
    verdict = gate.judge([raced], "new.npz", ["t", "u"])
    assert verdict.unjudged == ["u"] and verdict.wins and not verdict.passes
    assert verdict.in_words().startswith("gate: not passed yet, ahead so far, on 1 task(s)")
    assert verdict.in_words().endswith("not judged: u")


def test_history_gains_a_row_each_time(tmp_path):
    meta_params = MetaParams.nominal()
    meta_params.save(tmp_path / "new.npz")
    losses = gate.Losses([4.0, 4.0], [4.0, 4.2], [4.2, 4.2])
    verdict = gate.Verdict(str(tmp_path / "new.npz"), {"t": losses}, [])
    for _ in range(2):
        gate.add_to_history(str(tmp_path / "gate.md"), verdict)
    header, rule, *rows = (tmp_path / "gate.md").read_text().splitlines()
    assert header.count("|") == rule.count("|") == rows[0].count("|")
    assert len(rows) == 2 and rows[0] == rows[1]
    assert meta_params.fingerprint()[:12] in rows[0]
    assert "| 2 | t: 4.0000, 4.1000, 4.2000 |" in rows[0]


def test_the_suite_asks_for_a_candidate_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match="expected --candidate"):
        bench.main(["optimizer", "--suite=gate", f"--runs={tmp_path}"])
    with pytest.raises(FileNotFoundError, match="nothing.npz"):
        bench.main(["optimizer", "--suite=gate", "--candidate", str(tmp_path / "nothing.npz")])


def test_another_set_may_be_the_one_to_beat():
    assert gate.contestants("new.npz")[2] == "mnemosyne"
    assert gate.contestants("new.npz", "nominal")[2] == "mnemosyne:nominal"
    raced = outcome("t", both(4.0), both(3.0), both(4.0))
    raced.curves["mnemosyne:nominal"] = {1.0: ends_at(both(4.1))}
    assert not gate.judge([raced], "new.npz", ["t"]).passes
    verdict = gate.judge([raced], "new.npz", ["t"], "nominal")
    assert verdict.passes and "-0.1000 +- 0.0000 nats against nominal" in verdict.in_words()


def test_nothing_is_judged_against_itself(tmp_path):
    shipped, other = tmp_path / "same.npz", tmp_path / "other.npz"
    MetaParams.resolve("shipped").save(shipped)
    MetaParams.nominal().save(other)
    gate.check_they_differ(str(shipped), "nominal")
    gate.check_they_differ(str(other), None)
    for candidate, against in ((shipped, None), (other, "nominal"), (other, str(other))):
        with pytest.raises(ValueError, match="expected another set than the one to beat"):
            gate.check_they_differ(str(candidate), against)
    with pytest.raises(ValueError, match="--against: expected --suite gate"):
        bench.main(["optimizer", "--suite=vision", "--against=nominal", f"--runs={tmp_path}"])


def test_verdict_is_left_beside_the_file_that_was_judged(tmp_path):
    """So that a checkpoint of a meta-training lies with what the gate said of it."""
    checkpoint = tmp_path / "meta_params-00005.npz"
    MetaParams.nominal().save(checkpoint)
    losses = gate.Losses([4.0, np.nan], [4.1, 4.2], [4.2, 4.2])
    verdict = gate.Verdict(str(checkpoint), {"t": losses}, ["u"])
    gate.save(verdict)
    assert gate.file_of(verdict) == str(tmp_path / "meta_params-00005.gate.json")
    saved = json.loads((tmp_path / "meta_params-00005.gate.json").read_text())
    assert saved["fingerprint"] == MetaParams.nominal().fingerprint()
    assert saved["passes"] is False and saved["verdict"] == verdict.in_words()
    assert saved["final_losses"]["t"]["ours"] == [4.0, None]
