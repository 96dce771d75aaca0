import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.corpus.sentences import split_sentences


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("I came. I saw!", ["I came.", "I saw!"]),
        ("Dr. Jones of Washington, D.C. met Mr. Smith.", None),
        ("The economy grew 3.5 percent. Did it?", ["The economy grew 3.5 percent.", "Did it?"]),
        ("J. K. Rowling wrote it on Jan. 5th.", None),
        ("no full stop at all", None),
        ("spaces   inside stay", None),
    ],
)
def test_prose_splits_where_a_reader_would(line, sentences):
    expected = [line] if sentences is None else sentences
    assert split_sentences([line.encode()]) == [each.encode() for each in expected]


def test_a_sentence_never_spans_two_lines():
    assert split_sentences([b"one line", b"another"]) == [b"one line", b"another"]


def visible(text):
    """Text without white space, control and format characters, and two symbols for white space."""
    kept = (each for each in text if unicodedata.category(each)[0] not in "CZ")
    return "".join(kept).translate({0x2420: None, 0x2424: None})


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=80))
def test_nothing_is_lost_that_bert_would_see(line):
    kept = b" ".join(split_sentences([line.encode()])).decode()
    assert visible(kept) == visible(line)
