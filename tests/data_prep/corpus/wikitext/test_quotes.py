import pytest

from data_prep.corpus.wikitext.quotes import without_quotes


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("''a'' b", "a b"),
        ("'''a''' b ''c''", "a b c"),
        ("'''''a''''' b", "a b"),
        ("''''a'''", "'a"),
        ("''''''a'''''", "'a"),
        ("l'''Italie'' et '''Rome'''", "l'Italie et Rome"),
        ("il dit qu'''elle'' va", "il dit qu'elle va"),
        ("John's '''book", "John's book"),
    ],
)
def test_marks_go_and_apostrophes_stay(line, plain):
    assert without_quotes(line) == plain
