import pytest

from data_prep.corpus.input_files import InputFile
from data_prep.job import byte_accounting
from data_prep.job.byte_accounting import FileTally

FILE = InputFile("a", "line", 10)


def test_ranges_of_a_file_and_units_of_work_add_up():
    payloads = [
        byte_accounting.pack({"documents": 2}, {"a": FileTally(6, 5, 1, 0, True)}),
        byte_accounting.pack({"lines": 1}, {"a": FileTally(4, 0, 0, 4, True)}),
        byte_accounting.pack({"documents": 1}, {"b": FileTally(1, 1, 0, 0, False, 7)}),
    ]
    counts, per_file = byte_accounting.merge(payloads)
    assert counts == {"documents": 3, "lines": 1}
    assert byte_accounting.to_json(per_file) == {
        "a": [10, 5, 1, 4, True, 0],
        "b": [1, 1, 0, 0, False, 7],
    }


def test_a_tally_is_taken_from_the_counts_of_a_reader():
    counts = {"bytes_in": 3, "bytes_ok": 3, "lines": 1, "bytes_lost": 2}
    assert FileTally.of(counts, is_plain=True) == FileTally(3, 3, 0, 0, True, 2)


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


@pytest.mark.parametrize(
    ("tallies", "expected"),
    [
        ([[10, 9, 1, 0, True, 0], [30, 30, 0, 0, True, 0]], 0.0),
        ([[10, 0, 0, 10, True, 0], [30, 30, 0, 0, True, 0]], 0.25),
        # Decompressed, the first file has four times its size: it is still a quarter of the input.
        ([[40, 0, 0, 40, False, 0], [30, 30, 0, 0, True, 0]], 0.25),
        ([[40, 20, 0, 20, False, 0], [30, 30, 0, 0, True, 0]], 0.125),
        # A stream lost whole, and one of which half was read.
        ([[0, 0, 0, 0, False, 10], [30, 30, 0, 0, True, 0]], 0.25),
        ([[20, 20, 0, 0, False, 5], [30, 30, 0, 0, True, 0]], 0.125),
        ([[20, 10, 0, 10, False, 5], [30, 30, 0, 0, True, 0]], 0.1875),
    ],
)
def test_what_was_rejected_is_weighed_by_the_size_of_its_file(tallies, expected):
    files = [InputFile("a", "line", 10), InputFile("b", "line", 30)]
    named = dict(zip("ab", tallies, strict=True))
    assert byte_accounting.rejected_fraction(named, files) == expected


def test_of_an_empty_corpus_nothing_was_rejected():
    assert byte_accounting.rejected_fraction({}, []) == 0.0
