import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.corpus.wiki_markup import plain_paragraphs


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("'''Rome''' is a ''city''.", "Rome is a city."),
        ("in [[Italy]] and [[Lazio|the region]]s", "in Italy and the regions"),
        ("[[Star Trek: Voyager]] [[:Category:Ships]]", "Star Trek: Voyager Category:Ships"),
        ("a[[File:x.jpg|thumb|of [[Rome]] [[Italy|it]]]]b", "ab"),
        ("end[[Category:Cities]][[de:Rom]]", "end"),
        ("see [http://a.b/c the site], [https://a.b]", "see the site,"),
        ("a{{cite|x={{y|[[z]]}}|w}}b", "ab"),
        ("a<ref name='x'>note [[x]]</ref>b<ref name=x />c", "abc"),
        ("a<!-- b\nc -->d", "ad"),
        ("x<sub>2</sub><br />y", "x2y"),
        ("<math>a < b</math>c", "c"),
        ("5&nbsp;km &amp; &lt;more&gt;", "5 km & <more>"),
        ("__NOTOC__text", "text"),
        ("* item", "item"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
)
def test_prose_stays_and_markup_goes(markup, plain):
    assert plain_paragraphs(markup) == [plain]


def test_headings_tables_and_blank_lines_go_and_lines_are_paragraphs():
    markup = "one\n\n== Head ==\n{| class=x\n|-\n| cell {{t}}\n|}\n:{|\n|a\n|}\ntwo\n"
    assert plain_paragraphs(markup) == ["one", "two"]


@pytest.mark.parametrize("opening", ["{{", "{|\n", "[[", "<ref>", "<math>", "]]", "}}", "|}\n"])
def test_what_is_never_closed_or_opened_loses_its_mark_alone(opening):
    assert "after" in " ".join(plain_paragraphs(f"before\n{opening}after"))


@pytest.mark.parametrize(
    "unit", ["{{", "[[", "[[a|", "<ref>", "[//a", "=", "<a", ":", "{|\n", "\n "]
)
def test_time_grows_with_length_alone(unit):
    # Were it quadratic, this would take minutes.
    plain_paragraphs(unit * 50_000)
    plain_paragraphs(unit * 25_000 + "x" + "]]" * 25_000 + "}}" * 25_000)


@given(st.lists(st.sampled_from(["{{", "}}", "{|", "|}", "[[", "]]", "|", "a", "\n", "<ref>"])))
def test_any_order_of_marks_gives_paragraphs(marks):
    assert all(line.strip() for line in plain_paragraphs("".join(marks)))
