import dataclasses
import math

import pytest

from pipeline.lab.races import transfer
from pipeline.lab.races.outcome import Outcome
from pipeline.lab.races.runs_file import Curve
from pipeline.lab.races.tasks.task import Task


def curves(*losses):
    return [Curve([9], [1.0], [1.0], [loss], [0.5]) for loss in losses]


def outcome(ours=(4.01,), swept=None, plateau=5.0):
    swept = swept or {0.5: 4.1, 1.0: 4.0, 2.0: 4.2}
    by_name = {
        "adamw": {1e-3: curves(4.9)},
        "nominal": {factor: curves(loss) for factor, loss in swept.items()},
        "mnemosyne": {1.0: curves(*ours)},
    }
    mnemosynes = frozenset({"mnemosyne", "nominal", "mnemosyne:new.npz"})
    return Outcome(Task("wide", None, None, 64, 9, 1), by_name, plateau, mnemosynes)


def verdict(**changes):
    (found,) = transfer.compare([outcome(**changes)])
    return found.verdict


def test_it_is_compared_with_the_best_swept_factor_over_seeds():
    (found,) = transfer.compare([outcome(ours=(4.0, 4.04))])
    assert (found.point, found.optimizer) == ("wide", "mnemosyne")
    assert (found.loss, found.best_factor, found.best_loss) == (pytest.approx(4.02), 1.0, 4.0)
    assert found.difference == pytest.approx(0.02) and not found.is_at_end


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (3.5, "within 0.03"),  # better than the best swept rule
        (4.029, "within 0.03"),
        (4.031, "not within 0.03"),
        (math.nan, "not within 0.03"),
    ],
)
def test_three_hundredths_of_a_nat_are_allowed(loss, expected):
    assert verdict(ours=(loss,)) == expected


def test_a_point_where_the_best_swept_rule_stays_on_the_plateau_says_nothing():
    assert verdict(plateau=4.29) == "on the plateau"
    assert verdict(plateau=4.31) == "within 0.03"


def test_a_candidate_has_a_row_of_its_own():
    both = outcome()
    both.curves["mnemosyne:new.npz"] = {1.0: curves(4.5)}
    rows = {each.optimizer: each.verdict for each in transfer.compare([both])}
    assert rows == {"mnemosyne": "within 0.03", "mnemosyne:new.npz": "not within 0.03"}


def test_the_table_has_a_row_for_each_point():
    found = transfer.compare([outcome(), outcome(swept={1.0: 4.0, 2.0: 3.9})])
    rows = [" ".join(row.split()) for row in transfer.to_markdown(found).splitlines()[2:]]
    assert rows == [
        "| wide | mnemosyne | 4.0100 | 1 | 4.0000 | +0.0100 | within 0.03 |",
        "| wide | mnemosyne | 4.0100 | 2 (end of the sweep) | 3.9000 | +0.1100 | not within 0.03 |",
    ]
    assert transfer.to_json(found)[0]["difference"] == pytest.approx(0.01)


def test_every_point_differs_from_the_base_in_one_factor():
    base, *others = (dataclasses.asdict(size) for size in transfer.SIZES)

    def factors(size):
        names = [each for each in base if each not in ("name", "num_heads")]
        return {each: size[each] / base[each] for each in names if size[each] != base[each]}

    assert [factors(size) for size in others] == [
        {"hidden_dim": 4},
        {"num_layers": 4},
        {"batch_size": 8},
        {"eval_every_steps": 8},
    ]
    assert {size["hidden_dim"] / size["num_heads"] for size in [base, *others]} == {32}
    assert len({size["name"] for size in [base, *others]}) == 5


def test_all_points_read_one_text(tmp_path):
    tasks = transfer.transfer_tasks(["a*"], str(tmp_path))
    assert {task.about for task in tasks} == {"1,024 words, 32 tokens, a*"}
    with pytest.raises(
        ValueError, match="--text: expected one text, which all points read, received 2"
    ):
        transfer.transfer_tasks(["a*", "b*"], str(tmp_path))
