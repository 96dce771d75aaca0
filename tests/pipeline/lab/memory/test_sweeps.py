"""The sweeps measure what they say, and what is measured follows the theory."""

import pytest

from pipeline.lab.memory import sweeps as memory_sweeps
from pipeline.lab.memory.recall import Setting
from pipeline.lab.memory.sweeps import Sweeps, predicted_deviation


@pytest.fixture(scope="module")
def sweeps():
    return Sweeps(
        Setting(8, 16, length=1.4), num_features=[8, 64], taus=[0.0, 0.3], patterns=16, seeds=3
    )


def means(rows, key, **wanted):
    return [
        row[key]["mean"] for row in rows if all(row[name] == is_ for name, is_ in wanted.items())
    ]


@pytest.mark.parametrize(
    ("square", "num_features", "expected"), [(2.0, 16, 0.5876), (1.0, 64, 0.1303), (4.0, 32, 1.282)]
)
def test_prediction_is_the_published_table(square, num_features, expected):
    # Half of the fourth digit, which is at most 1 / 2,000 of the value.
    assert predicted_deviation(square, num_features) == pytest.approx(expected, rel=1 / 2_000)


def test_measured_kernel_follows_the_theory(sweeps, monkeypatch):
    monkeypatch.setattr(memory_sweeps, "_ORTHOGONAL_FEATURES", 1600)
    rows = sweeps.kernel()
    assert [row["s"] for row in rows] == 2 * [0.25, 0.5, 1.0, 2.0, 3.0]
    for row in rows:
        # Seeds are fixed and all is float64: the margin is for chance alone, once and for all.
        assert row["independent"]["mean"] == pytest.approx(row["predicted"], rel=0.15)
    # Two orthogonal directions of eight gain little, 32 in four blocks gain.
    gained = [row for row in rows if row["num_features"] == 64 and row["s"] <= 1.0]
    assert all(row["orthogonal"]["mean"] < 0.8 * row["predicted"] for row in gained)


def test_more_patterns_are_found_less_and_more_features_find_more(sweeps, monkeypatch):
    monkeypatch.setattr(memory_sweeps, "COUNTS", (2, 32))
    rows = sweeps.counts()
    small, large = (means(rows, "found", num_features=size) for size in (8, 64))
    assert small[0] > small[1] and large[0] > large[1] and large[1] > small[1]


def test_sharper_queries_leave_softmax_further_behind(sweeps, monkeypatch):
    monkeypatch.setattr(memory_sweeps, "FEATURES", (8, 64))
    rows = sweeps.features()
    assert [(row["length"], row["num_features"]) for row in rows] == [
        (0.7, 8), (0.7, 64), (1.0, 8), (1.0, 64), (1.4, 8), (1.4, 64)
    ]  # fmt: skip
    errors = means(rows, "error", num_features=64)
    assert errors == sorted(errors)


def test_length_and_dimension_are_swept(sweeps, monkeypatch):
    monkeypatch.setattr(memory_sweeps, "LENGTHS", (0.7, 2.0))
    monkeypatch.setattr(memory_sweeps, "DIMENSIONS", (4, 16))
    found = means(sweeps.lengths(), "found_exactly", num_features=64)
    assert found[1] > found[0]
    rows = sweeps.dimensions()
    assert [row["dimension"] for row in rows] == [4, 16, 4, 16]
    assert {(row["patterns"], row["length"]) for row in rows} == {(16, 1.4)}


def test_discount_forgets_the_old_first(sweeps):
    rows = sweeps.ages()
    ages = [row["age"] for row in rows if row["tau"] == 0.3]
    assert ages == sorted(ages) and len(ages) == 8
    for key in ("found", "found_exactly"):
        forgetful = means(rows, key, tau=0.3)
        assert forgetful[0] > 2 * forgetful[-1]
    assert means(rows, "found_exactly", tau=0.0)[-1] > 0.5
