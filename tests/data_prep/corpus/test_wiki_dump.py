import bz2

import pytest

from data_prep.corpus.file_range import FileRange
from data_prep.corpus.wiki_dump import WikiDumpArticles

PAGE = (
    "<page><title>T</title><ns>{ns}</ns>{redirect}<revision><text>{text}</text></revision></page>"
)
BEGIN = b'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11">\n'
END = b"</mediawiki>\n"


def page(text, ns=0, redirect=""):
    return PAGE.format(text=text, ns=ns, redirect=redirect).encode() + b"\n"


@pytest.fixture
def read(tmp_path):
    """Returns `read(content)` -> (articles, counts, dead letters)."""

    def run(content, max_text_bytes=1_000):
        path = tmp_path / "dump.xml"
        path.write_bytes(content)
        letters = []
        articles = WikiDumpArticles(
            FileRange(str(path), "mediawiki"), max_text_bytes=max_text_bytes, reject=letters.append
        )
        found = list(articles)
        counts = articles.counts
        assert counts["bytes_in"] == counts["bytes_ok"] + counts["bytes_dead"]
        assert counts["bytes_dead"] == sum(letter.length for letter in letters)
        return found, counts, [(each.reason, each.offset, each.length) for each in letters]

    return run


WHOLE = BEGIN + page("one &amp; two") + page("", ns=1) + page("three") + END


def test_articles_come_in_order_with_entities_read(read):
    articles, counts, letters = read(WHOLE)
    assert articles == ["one & two", "three"]
    assert letters == []
    assert counts["bytes_in"] == len(WHOLE)


@pytest.mark.parametrize(
    "compress", [bz2.compress, lambda raw: bz2.compress(raw[:99]) + bz2.compress(raw[99:])]
)
def test_compressed_dumps_and_those_of_many_streams_are_read(read, compress):
    assert read(compress(WHOLE))[0] == ["one & two", "three"]


def test_redirects_and_other_namespaces_are_left_out_and_counted(read):
    pages = [
        page("a", redirect='<redirect title="b" />'),
        page("#redirect [[b]]"),
        page("talk", ns=1),
        page("kept"),
    ]
    articles, counts, _ = read(BEGIN + b"".join(pages) + END)
    assert articles == ["kept"]
    assert (counts["pages_redirect"], counts["pages_other_namespace"]) == (2, 1)


def test_the_last_revision_of_a_history_counts(read):
    two = page("new").replace(b"<revision>", b"<revision><text>old</text></revision><revision>", 1)
    assert read(BEGIN + two + END)[0] == ["new"]


def test_articles_before_a_truncation_are_kept_and_the_rest_has_its_place(read):
    whole = BEGIN + page("one") + page("two") + page("three") + END
    cut = whole[: whole.index(b"three")]
    articles, _, letters = read(cut)
    place = len(BEGIN + page("one") + page("two")) - 1
    assert articles == ["one", "two"]
    assert letters == [("stream:truncated", place, len(cut) - place)]


def test_articles_before_damage_are_kept_and_the_rest_has_its_place(read):
    whole = BEGIN + page("one") + b"<page></wrong>" + page("two") * 3 + END
    articles, _, letters = read(whole)
    place = len(BEGIN + page("one")) - 1
    assert articles == ["one"]
    assert letters == [("xml:damaged", place, len(whole) - place)]


@pytest.mark.parametrize("content", [b"no XML at all", b"<a>", b"\x00\xff\x13"])
def test_what_is_no_dump_is_rejected_as_a_whole(read, content):
    assert read(content) == ([], read(content)[1], [("xml:damaged", 0, len(content))])


def test_a_truncated_archive_that_gives_no_byte_is_reported_still(read):
    assert read(bz2.compress(WHOLE)[:-20])[::2] == ([], [("stream:truncated", 0, 0)])


@pytest.mark.parametrize("encoding", ["no-such", "utf-7", "rot13", "idna"])
def test_a_dump_in_an_encoding_that_cannot_be_read_is_rejected_as_a_whole(read, encoding):
    content = f"<?xml version='1.0' encoding='{encoding}'?>".encode() + WHOLE
    articles, _, letters = read(content)
    assert (articles, letters) == ([], [("xml:damaged", 0, len(content))])


def test_an_article_too_long_for_memory_is_rejected_alone(read):
    whole = BEGIN + page("one") + page("x" * 2_000) + page("two") + END
    articles, _, letters = read(whole)
    begin = len(BEGIN + page("one"))
    assert articles == ["one", "two"]
    assert letters == [("xml:text_too_long", begin, len(page("x" * 2_000)) - 1)]


def test_entities_that_grow_without_bound_do_no_harm(read):
    entities = b"".join(
        b'<!ENTITY e%d "%s">' % (i, b"&e%d;" % (i - 1) * 10 if i else b"x" * 1_000)
        for i in range(12)
    )
    articles, _, letters = read(
        b"<!DOCTYPE mediawiki [" + entities + b"]>" + BEGIN + page("&e11;") + END
    )
    assert articles == []
    assert letters


def test_an_empty_file_has_no_articles(read):
    assert read(b"")[::2] == ([], [])
