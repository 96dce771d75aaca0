import pytest

from data_prep.corpus.input_files import InputFile
from data_prep.job import byte_accounting
from data_prep.job.byte_accounting import FileTally

FILE = InputFile("a", "line", 10)


def test_ranges_of_a_file_and_units_of_work_add_up():
    payloads = [
        byte_accounting.pack({"documents": 2}, {"a": FileTally(6, 5, 1, 0, True)}),
        byte_accounting.pack({"lines": 1}, {"a": FileTally(4, 0, 0, 4, True)}),
        byte_accounting.pack({"documents": 1}, {"b": FileTally(1, 1, 0, 0, False)}),
    ]
    counts, per_file = byte_accounting.merge(payloads)
    assert counts == {"documents": 3, "lines": 1}
    assert byte_accounting.to_json(per_file) == {"a": [10, 5, 1, 4, True], "b": [1, 1, 0, 0, False]}


def test_a_tally_is_taken_from_the_counts_of_a_reader():
    counts = {"bytes_in": 3, "bytes_ok": 3, "lines": 1}
    assert FileTally.of(counts, is_plain=True) == FileTally(3, 3, 0, 0, True)


@pytest.mark.parametrize(
    "values", [[10, 5, 1, 4, True], [10, 10, 0, 0, True], [99, 99, 0, 0, False]]
)
def test_a_file_that_balances_passes(values):
    byte_accounting.check({"a": values}, [FILE])


@pytest.mark.parametrize(
    ("tallies", "error", "message"),
    [
        ({}, RuntimeError, "a: expected every file to be read"),
        ({"a": [10, 5, 1, 3, True]}, RuntimeError, "all 10 bytes .* received 9"),
        ({"a": [9, 9, 0, 0, True]}, ValueError, "expected 10 bytes, .* received 9. The file chang"),
    ],
)
def test_a_file_that_does_not_balance_is_named(tallies, error, message):
    with pytest.raises(error, match=message):
        byte_accounting.check(tallies, [FILE])
