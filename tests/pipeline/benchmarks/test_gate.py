import numpy as np
import pytest

from mnemosyne_tf.meta_params import MetaParams
from pipeline.benchmarks import bench, gate
from pipeline.benchmarks.race_outcome import Outcome
from pipeline.benchmarks.race_run import Curve
from pipeline.benchmarks.race_tasks import Task


def outcome(name, ours, shipped, nominal, plateau=None):
    """A race of one seed; AdamW ends at 5."""
    losses = {"adamw": 5.0, "mnemosyne:new.npz": ours, "mnemosyne": shipped}
    curves = {key: {1.0: [Curve([9], [1.0], [1.0], [loss], [0.5])]} for key, loss in losses.items()}
    curves["nominal"] = {
        rate: [Curve([9], [1.0], [1.0], [loss], [0.5])]
        for rate, loss in {0.5: nominal, 1.0: nominal + 9}.items()
    }
    return Outcome(Task(name, None, None, 64, 9, 1), curves, plateau)


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
    assert gate.judge([outcome("t", ours, shipped, nominal)], "new.npz").passes is passes


def test_every_task_must_be_near_the_swept_rule():
    good, bad = outcome("good", 3.0, 4.0, 3.5), outcome("bad", 3.6, 3.7, 3.5)
    verdict = gate.judge([good, bad], "new.npz")
    assert verdict.losses == {"good": (3.0, 4.0, 3.5), "bad": (3.6, 3.7, 3.5)}
    assert not verdict.passes
    assert "not passed, on 2 task(s) -0.5500 nats" in verdict.in_words()
    assert "at worst +0.1000" in verdict.in_words()


def test_a_task_on_its_plateau_says_nothing():
    verdict = gate.judge([outcome("t", 3.0, 4.0, 3.5, plateau=5.1)], "new.npz")
    assert verdict.losses == {} and not verdict.passes
    assert verdict.in_words() == "gate: no verdict, no task counts"


def test_history_gains_a_row_each_time(tmp_path):
    meta_params = MetaParams.nominal()
    meta_params.save(tmp_path / "new.npz")
    verdict = gate.Verdict(str(tmp_path / "new.npz"), {"t": (4.0, 4.1, 4.2)})
    for _ in range(2):
        gate.add_to_history(str(tmp_path / "gate.md"), verdict)
    header, rule, *rows = (tmp_path / "gate.md").read_text().splitlines()
    assert header.count("|") == rule.count("|") == rows[0].count("|")
    assert len(rows) == 2 and rows[0] == rows[1]
    assert meta_params.fingerprint()[:12] in rows[0] and "t: 4.0000, 4.1000, 4.2000" in rows[0]


def test_the_suite_asks_for_a_candidate_before_anything_runs(tmp_path):
    with pytest.raises(ValueError, match="expected --candidate"):
        bench.main(["optimizer", "--suite=gate", f"--runs={tmp_path}"])
    with pytest.raises(FileNotFoundError, match="nothing.npz"):
        bench.main(["optimizer", "--suite=gate", "--candidate", str(tmp_path / "nothing.npz")])
