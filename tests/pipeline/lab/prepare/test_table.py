import json

import pytest

from pipeline.lab.prepare import processor, table
from pipeline.lab.prepare.program import Measurement


def _runs(megabytes, *cpu_seconds):
    return [Measurement(megabytes, 1000, seconds, 900.0, 800.0) for seconds in cpu_seconds]


@pytest.fixture
def cases():
    runs = {"ours": _runs(10.0, 2.0, 9.0, 1.0), "ours, too": _runs(10.0, 4.0)}
    slow, slower = {"other": _runs(1.0, 5.0)}, {"other": _runs(1.0, 8.0)}
    return [
        table.case(128, 1, runs | slow, ours="ours"),
        table.case(128, 10, runs | slower, ours="ours"),
    ]


def test_run_of_median_cpu_time_counts(cases):
    ours = cases[0]["contestants"]["ours"]
    assert (ours["cpu_seconds"], ours["cpu_seconds_of_all_runs"]) == (2.0, [2.0, 9.0, 1.0])
    assert (ours["megabytes_per_second"], ours["sequences_per_second"]) == (5.0, 500.0)


def test_lead_is_of_rates_not_of_seconds(cases):
    # 5 MB a second against 1 MB in 5 seconds, and in 8.
    leads = [each["contestants"]["other"]["times_slower"] for each in cases]
    assert leads == pytest.approx([25.0, 40.0])


def test_last_line_gives_the_least_lead_over_each_of_the_others(cases):
    assert table.last_line(cases, ours=("ours", "ours, too")).startswith(
        "ours makes records at 25.0x other or more"
    )


def test_table_has_a_row_for_each_program_of_each_case(cases):
    lines = table.table(cases).splitlines()
    assert len(lines) == 1 + 2 * 3
    assert lines[3].split()[3:] == ["1", "other", "1.0", "5.00", "0.200", "200", "900", "25.0x"]


def test_json_says_what_was_measured_with_what(cases, tmp_path):
    path = tmp_path / "bench.json"
    table.save(str(path), cases, settings={"megabytes": 10}, core=1)
    saved = json.loads(path.read_text())
    assert saved["cases"] == cases
    assert saved["settings"] == {"megabytes": 10}
    assert saved["processor"] == processor.name() != ""
    assert {"python", "tensorflow", "apache-beam"} <= set(saved["versions"])
