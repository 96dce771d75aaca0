import json

import pytest

from data_prep.recorded_settings import casing, describe_differences

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


@pytest.fixture
def vocabulary(tmp_path):
    """Returns `make(do_lower_case)`: the path of a vocabulary with the record of `vocab`."""

    def make(do_lower_case):
        path = tmp_path / "vocab.txt"
        path.write_text("a\n")
        record = {"settings": {"do_lower_case": do_lower_case}, "sha256": ""}
        (tmp_path / "vocab.txt.json").write_text(json.dumps(record))
        return str(path)

    return make


@pytest.mark.parametrize("learned", [True, False])
def test_text_is_lower_cased_as_the_vocabulary_was_learned(vocabulary, learned):
    assert casing(vocabulary(learned), None) is learned
    assert casing(vocabulary(learned), learned) is learned


@pytest.mark.parametrize("learned", [True, False])
def test_casing_that_contradicts_the_vocabulary_is_refused_with_the_flag(vocabulary, learned):
    path = vocabulary(learned)
    asked, was = str(not learned).lower(), str(learned).lower()
    message = f"--do_lower_case {asked}: {path} was learned with --do_lower_case {was}"
    with pytest.raises(ValueError, match=message):
        casing(path, not learned)


@pytest.mark.parametrize("record", [None, "no json", "[]", '{"settings": {}}'])
def test_a_vocabulary_of_somebody_else_is_lower_cased_by_default(tmp_path, record):
    path = tmp_path / "vocab.txt"
    if record is not None:
        (tmp_path / "vocab.txt.json").write_text(record)
    assert [casing(str(path), asked) for asked in (None, True, False)] == [True, True, False]
