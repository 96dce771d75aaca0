"""Pictures hold what they should and fit on one page."""

import math
import re
import xml.etree.ElementTree as ET

import pytest

from pipeline.report import plots
from pipeline.report.sources import Run


def make_run(num_rows=10, seconds_per_step=1.0):
    rows = [
        {
            "step": step,
            "seconds": step * seconds_per_step,
            "masked_lm_loss": 6.0 - 0.1 * step,
            "masked_lm_accuracy": 0.02 * step,
        }
        for step in range(1, num_rows + 1)
    ]
    return Run("run", {}, rows, rows[::2], is_complete=True, label="run")


def texts(svg):
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def loss_picture(runs, against="step", references=None):
    return plots.curves(runs, metric="masked_lm_loss", against=against, references=references or {})


def test_a_picture_is_well_formed_and_has_no_fixed_size():
    root = ET.fromstring(loss_picture([make_run()]))
    assert root.get("width") is None and root.get("height") is None
    assert root.get("viewBox")


def test_a_reference_is_drawn_and_labelled():
    with_line = loss_picture([make_run()], references={"unigram plateau 5.50": 5.5})
    assert "unigram plateau 5.50" in texts(with_line)
    assert with_line.count("stroke-dasharray") > loss_picture([make_run()]).count(
        "stroke-dasharray"
    )


def test_colours_are_variables_of_the_page():
    svg = loss_picture([make_run(), make_run()])
    assert "var(--series-1)" in svg and "var(--series-2)" in svg
    assert "var(--series-3)" not in svg
    assert "#01" not in svg and "#02" not in svg and "#03" not in svg


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ((0.0, 0.0), set()),
        ((0.0, 1e-3, 1e-3), {"0.001"}),
        ((2e-3, 1e-3), {"0.001", "0.002"}),
        ((1e-4, 1e-2), {"0.0001", "0.001", "0.01"}),
    ],
)
def test_ratios_have_a_logarithmic_axis_that_leaves_zeros_out(values, shown):
    rows = [{"step": step, "ratio": value} for step, value in enumerate(values, start=1)]
    run = Run("run", {}, rows, (), is_complete=True, label="run")
    svg = plots.curves([run], metric="ratio", against="step", references={}, is_ratio=True)
    assert shown <= set(texts(svg))


def test_a_seventh_run_uses_the_first_colour_again():
    svg = loss_picture([make_run()] * 7)
    assert "var(--series-6)" in svg
    assert "var(--series-7)" not in svg


def test_group_names_of_two_pictures_do_not_meet_on_a_page():
    ids = re.findall(r'id="([^"]*)"', loss_picture([make_run()]))
    assert not [name for name in ids if "_" in name]


@pytest.mark.parametrize(
    ("seconds_per_step", "unit"),
    [(1.0, "seconds of training"), (60.0, "minutes of training"), (3600.0, "hours of training")],
)
def test_time_is_shown_in_a_unit_that_suits_it(seconds_per_step, unit):
    svg = loss_picture([make_run(seconds_per_step=seconds_per_step)], against="seconds")
    assert unit in texts(svg)


@pytest.mark.parametrize(
    ("most", "unit"), [(900, "tokens"), (5e6, "millions of tokens"), (5e9, "billions of tokens")]
)
def test_tokens_are_shown_in_a_unit_that_suits_them(most, unit):
    run = make_run()
    for row in run.train:
        row["tokens"] = most * row["step"] / 10
    assert unit in texts(loss_picture([run], against="tokens"))


def test_a_run_without_tokens_has_no_curve_over_them():
    with_tokens = make_run()
    for row in with_tokens.train:
        row["tokens"] = 100 * row["step"]
    svg = loss_picture([make_run(), with_tokens], against="tokens")
    assert "var(--series-2)" in svg and "var(--series-1)" not in svg


def test_a_smoothed_curve_is_the_weighted_mean_of_the_rows_behind():
    rows = [{"step": step, "loss": value} for step, value in enumerate([4.0, 2.0, 1.0])]
    rows.insert(1, {"step": 1})  # without the metric
    kept = math.exp(-1)  # 2 % of three rows is less than one row: the least there is
    expected = [
        4.0,
        (2 + 4 * kept) / (1 + kept),
        (1 + 2 * kept + 4 * kept**2) / (1 + kept + kept**2),
    ]
    found = [row["loss"] for row in plots.smoothed(rows, "loss")]
    assert found == pytest.approx(expected)


def test_a_constant_stays_what_it_is_when_smoothed_from_the_first_row_on():
    rows = [{"step": step, "loss": 3.0} for step in range(500)]
    assert [row["loss"] for row in plots.smoothed(rows, "loss")] == pytest.approx([3.0] * 500)


def test_fractions_are_shown_in_percent():
    svg = plots.curves(
        [make_run()], metric="masked_lm_accuracy", against="step", references={}, is_fraction=True
    )
    assert "10%" in texts(svg)


def test_a_long_run_is_thinned_out():
    assert len(loss_picture([make_run(20_000)])) < 4 * len(loss_picture([make_run(600)]))


def test_a_run_without_rows_still_gives_a_picture():
    empty = Run("run", {}, [], [], is_complete=False, label="run")
    assert loss_picture([empty]).startswith("<svg")


@pytest.mark.parametrize(
    ("longest", "label"),
    [(64, "tokens per sequence"), (512, "tokens per sequence, in bins of 8")],
)
def test_the_histogram_has_at_most_65_bars(longest, label):
    svg = plots.length_histogram({length: 2 for length in range(1, longest + 1)})
    assert label in texts(svg)
    assert svg.count("clip-path") < 80
