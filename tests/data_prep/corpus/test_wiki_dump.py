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
    """Returns `read(content)` -> (articles, counts, rejects)."""

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


def test_of_several_slots_the_main_one_counts(read):
    """Export format 0.11 as MediaWiki writes it: other slots stand in `content`, with a role."""
    slots = b"""<page><ns>0</ns><revision><id>5</id><timestamp>2024-01-01T00:00:00Z</timestamp>
        <contributor><id>7</id></contributor><origin>5</origin><model>wikitext</model>
        <format>text/x-wiki</format><text bytes="5" xml:space="preserve">prose</text><sha1/>
        <content><role>note</role><origin>4</origin><model>json</model>
        <format>application/json</format><text bytes="9">{"note":1}</text></content>
        </revision></page>"""
    articles, counts, letters = read(BEGIN + slots + END)
    assert (articles, letters) == (["prose"], [])
    assert not any(counts[name] for name in counts if name.startswith("pages_"))


def revision(text, number, timestamp=None):
    time = f"<timestamp>{timestamp}</timestamp>" if timestamp else ""
    return (
        f"<revision><id>{number}</id>{time}<contributor><id>999</id></contributor>{text}</revision>"
    )


OLD, NEW = "2023-12-31T23:59:59Z", "2024-01-01T00:00:00Z"
OLD_TEXT, NEW_TEXT = "<text>old</text>", "<text>new</text>"


@pytest.mark.parametrize(
    "revisions",
    [
        [(OLD_TEXT, 1, OLD), (NEW_TEXT, 2, NEW)],
        [(NEW_TEXT, 2, NEW), (OLD_TEXT, 1, OLD)],
        [(NEW_TEXT, 1, NEW), (OLD_TEXT, 2, OLD)],  # imported: numbers are of the import
        [(NEW_TEXT, 10, OLD), (OLD_TEXT, 9, OLD)],
        [(NEW_TEXT, 10), (OLD_TEXT, 9)],
        [(OLD_TEXT, 1, OLD), (NEW_TEXT, 3, NEW), (OLD_TEXT, 2, OLD)],
    ],
)
def test_the_newest_revision_counts_in_whatever_order_they_come(read, revisions):
    history = "".join(revision(*each) for each in revisions)
    content = BEGIN + f"<page><ns>0</ns>{history}</page>".encode() + END
    assert read(content)[0] == ["new"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('<text bytes="123" deleted="deleted" />', "pages_deleted"),
        ('<text deleted="deleted" xml:space="preserve" />', "pages_deleted"),
        ('<text id="17" bytes="123" />', "pages_stub"),
        ('<text bytes="123" sha1="x" location="tt:17" id="17" />', "pages_stub"),
        ('<text bytes="0" />', "pages_empty"),
        ("<text xml:space='preserve'> \n</text>", "pages_empty"),
        ("<model>json</model><text>{}</text>", "pages_other_model"),
        ("<model>wikitext</model><text>#WEITERLEITUNG [[Ziel]]</text>", "pages_redirect"),
    ],
)
def test_a_page_without_text_is_counted_by_its_cause(read, text, cause):
    content = BEGIN + f"<page><ns>0</ns>{revision(text, 1)}</page>".encode() + page("kept") + END
    articles, counts, letters = read(content)
    assert (articles, letters) == (["kept"], [])
    assert {name: n for name, n in counts.items() if name.startswith("pages")} == {cause: 1}


def test_a_hidden_newest_revision_is_not_replaced_by_an_older_one(read):
    history = revision('<text deleted="deleted" />', 2, NEW) + revision("<text>old</text>", 1, OLD)
    articles, counts, _ = read(BEGIN + f"<page><ns>0</ns>{history}</page>".encode() + END)
    assert (articles, counts["pages_deleted"]) == ([], 1)


def test_invalid_bytes_are_replaced_when_asked_with_offsets_as_before(tmp_path):
    bad = page("b\ufffdd").replace("\ufffd".encode(), b"\xff")
    content = BEGIN + bad + page("\u00e9") + b"<page></wrong>" + END
    (tmp_path / "dump.xml").write_bytes(content)
    letters = []
    articles = WikiDumpArticles(
        FileRange(str(tmp_path / "dump.xml"), "mediawiki"),
        max_text_bytes=99,
        reject=letters.append,
        replace_invalid=True,
    )
    assert list(articles) == ["b\ufffdd", "\u00e9"]
    begin = len(BEGIN + bad + page("\u00e9")) - 1
    (letter,) = letters
    assert (letter.offset, letter.length) == (begin, len(content) - begin)
    assert articles.counts["lines_replaced"] == 1


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16"])
def test_a_dump_that_declares_another_encoding_is_not_repaired(tmp_path, encoding):
    head = f"<?xml version='1.0' encoding='{encoding}'?>"
    content = (head + (BEGIN + page("b\u00e9d") + END).decode()).encode(encoding)
    (tmp_path / "dump.xml").write_bytes(content)
    file_range = FileRange(str(tmp_path / "dump.xml"), "mediawiki")
    for replace_invalid in (False, True):
        articles = WikiDumpArticles(
            file_range, max_text_bytes=99, reject=None, replace_invalid=replace_invalid
        )
        assert list(articles) == ["b\u00e9d"]


def test_a_dump_that_ends_behind_a_page_is_a_reject_that_weighs_something(read):
    content = (BEGIN + page("one")).rstrip()
    articles, counts, letters = read(content)
    assert articles == ["one"]
    assert letters == [("stream:truncated", len(content), 0)]
    assert counts["bytes_lost"] == 1
