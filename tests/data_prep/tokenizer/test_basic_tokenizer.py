import pytest

from data_prep.tokenizer.basic_tokenizer import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", ["hello", ",", "world", "!"]),
        ("a\tb\r\nc", ["a", "b", "c"]),
        ("", []),
        (" \u00a0\u3000 ", []),
        ("don't $5 ~x", ["don", "'", "t", "$", "5", "~", "x"]),
        ("\u00c9t\u00e9", ["ete"]),
        ("Stra\u00dfe", ["stra\u00dfe"]),
        ("wait\u2026", ["wait", "\u2026"]),
        ("\u4f60\u597dab", ["\u4f60", "\u597d", "ab"]),
        ("nul\0in", ["nulin"]),
        ("bad\ufffdbyte", ["badbyte"]),
        ("zero\u200bwidth", ["zerowidth"]),
        ("line\u2028break", ["line", "break"]),
        ("\u00bd \u00b2 \ufb01", ["\u00bd", "\u00b2", "\ufb01"]),
        ("\u0130", ["i"]),
    ],
)
def test_text_splits_into_these_words(text, words):
    assert split_words(text) == words


def test_case_and_accents_stay_when_lower_case_is_off():
    assert split_words("\u00c9t\u00e9 AB", do_lower_case=False) == ["\u00c9t\u00e9", "AB"]
