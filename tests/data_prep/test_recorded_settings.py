import pytest

from data_prep.recorded_settings import describe_differences

BEFORE = {"input": ["a"], "input_digest": "i", "vocab_sha256": "v", "dupe_factor": 10}


@pytest.mark.parametrize(
    ("now", "difference"),
    [
        ({"dupe_factor": 5}, "dupe_factor: 10, now 5"),
        ({"vocab_sha256": "w"}, "vocab_file: another vocabulary"),
        ({"input_digest": "j"}, "input: the files have changed since"),
        ({"input_digest": "j", "input": ["b"]}, "input: ['a'], now ['b']"),
        ({"brand_new": 1}, "brand_new: None, now 1"),
    ],
)
def test_a_difference_is_said_in_words(now, difference):
    assert describe_differences(BEFORE, {**BEFORE, **now}) == [difference]


def test_another_spelling_of_the_same_files_is_no_difference():
    assert describe_differences(BEFORE, {**BEFORE, "input": ["./a"]}) == []
