import pytest

from data_prep.corpus.wiki_markup import plain_paragraphs
from data_prep.corpus.wikitext.links import with_links_resolved


@pytest.mark.parametrize(
    ("link", "seen"),
    [
        ("[[:fr:Rome|the French page]]", "the French page"),
        ("[[:fr:Rome]]", "fr:Rome"),
        ("[[w:Rome|Rome]]", "Rome"),
        ("[[wikt:word]]", "wikt:word"),
        ("[[s:Works|her works]]", "her works"),
        ("[[Wikipedia:About|about]]", "about"),
        ("[[Help:Links]]", "Help:Links"),
        ("[[Media:a.ogg|listen]]", "listen"),
        ("[[doi:10.1000/x|paper]]", "paper"),
        ("[[:File:a.jpg|the picture]]", "the picture"),
        ("[[Star Trek:Voyager]]", "Star Trek:Voyager"),
        ("[[2001: A Space Odyssey|film]]", "film"),
        ("[[a|b|c]]", "b|c"),
        ("[[a|]]", "a"),
        ("[[#Section]]", "#Section"),
    ],
)
def test_labels_stay(link, seen):
    assert plain_paragraphs(f"x {link} y") == [f"x {seen} y"]


HIDDEN = """
[[fr:Rome]] [[zh-min-nan:A]] [[simple:Rome]] [[fr:Rome|label]] [[image:a]] [[Datei:a]]
[[File:a.jpg|thumb|of_[[Rome]]]] [[Fichier:a|b]] [[\u0424\u0430\u0439\u043b:a]] [[\u6a94\u6848:a]]
[[T\u1eadp_tin:a]] [[Foo:a.JPG|b]] [[Category:Cities|Rome]] [[Kategorie:A]] [[Cat\u00e9gorie:A]]
[[\u5206\u7c7b:A]]
"""


@pytest.mark.parametrize("link", HIDDEN.split())
def test_links_that_the_page_does_not_show_go(link):
    assert plain_paragraphs(f"x {link} y") == ["x y"]


def test_a_wiki_may_add_the_names_of_its_namespaces():
    assert with_links_resolved("a[[Foo bar:b|c]]", {"foo_bar"}) == "a"
    assert plain_paragraphs("a[[Foo_bar:b|c]]", {"foo_bar"}) == ["a"]


@pytest.mark.parametrize("address", ["http://a.b", "//a.b", "ftp://a.b", "mailto:a@b.c", "news:x"])
def test_web_links_show_their_label(address):
    assert plain_paragraphs(f"see [{address} the site] and [{address}].") == ["see the site and ."]
