import collections

from data_prep.tokenizer.basic_tokenizer import split_words
from data_prep.tokenizer.word_counts import count_words


def test_words_are_normalised_and_counted():
    lines = [b"The cat, the mat", "THE caf\u00e9\u2026".encode()]
    assert count_words(lines, do_lower_case=True) == {
        "the": 3,
        "cat": 1,
        ",": 1,
        "mat": 1,
        "cafe": 1,
        "\u2026": 1,
    }


def test_counting_stretches_first_changes_nothing():
    line = "a\u200bb c\x1cd\x85e [x] \u4f60\u597d\u3000f\u2028g don't"
    expected = collections.Counter(split_words(line))
    assert count_words([line.encode()], do_lower_case=True) == expected
