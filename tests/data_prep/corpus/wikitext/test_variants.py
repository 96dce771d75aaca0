import pytest

from data_prep.corpus.wikitext.variants import with_first_variant


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("a-{b}-c", "abc"),
        ("-{R|raw}-", "raw"),
        ("-{zh-hans:one; zh-hant:two;}-", "one"),
        ("-{zh;zh-hans;zh-hant|text}-", "text"),
        ("-{A|zh-cn:one;zh-tw:two}-", "one"),
        ("-{ONE=>zh-cn:macro;}-", "ONE"),
        ("-{zh-cn:a; b; zh-tw:c}-", "a; b"),
        ("-{H|zh-cn:one;zh-tw:two}-x", "x"),
        ("-{T|zh-cn:one}-x", "x"),
        ("-{-|zh-cn:one}-x", "x"),
        ("HAN-{}-GUK", "HANGUK"),
        ("-{[[a|b]]}-", "[[a|b]]"),
        ("-{http://a.b}-", "http://a.b"),
        ("a - {b} -{ c", "a - {b} -{ c"),
    ],
)
def test_the_first_variant_is_shown(markup, plain):
    assert with_first_variant(markup) == plain
