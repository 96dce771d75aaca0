import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.corpus.wiki_markup import DROPPED_TAGS, plain_paragraphs


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
        ("x<sub>2</sub><br />y", "x2 y"),
        ("<math>a < b</math>c", "c"),
        ("5&nbsp;km &amp; &lt;more&gt;", "5 km & <more>"),
        ("__NOTOC__text", "text"),
        ("* item", "item"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
)
def test_prose_stays_and_markup_goes(markup, plain):
    assert plain_paragraphs(markup) == [plain]


@pytest.mark.parametrize(
    "tag", ["<br>", "<br/>", "<br />", "<BR clear=all>", "</br>", "<br\nclear='left' />"]
)
def test_a_line_break_keeps_words_apart(tag):
    assert plain_paragraphs(f"north{tag}south") == ["north south"]


BLOCKS = "p div center blockquote ul ol li dl dt dd table caption tr td th h2 h6 poem Div"


@pytest.mark.parametrize("name", BLOCKS.split())
def test_what_makes_a_block_is_a_paragraph_of_its_own(name):
    markup = f"before<{name} class='x'>A ends</{name}><{name}>B begins</{name}>after"
    assert plain_paragraphs(markup) == ["before", "A ends", "B begins", "after"]


@pytest.mark.parametrize("rule", ["<hr>", "<hr/>", "\n----\n", "\n--------", "\n----"])
def test_a_rule_parts_paragraphs(rule):
    assert plain_paragraphs(f"above{rule}below") == ["above", "below"]


INLINE = "b i u s span small big sup sub em strong font code abbr"


@pytest.mark.parametrize("name", INLINE.split())
def test_tags_inside_a_word_leave_it_whole(name):
    assert plain_paragraphs(f"a<{name} style='x'>b</{name}>c") == ["abc"]


@pytest.mark.parametrize("name", sorted(set(DROPPED_TAGS.split("|")) - {"ref"}))
def test_what_is_dropped_with_its_content_keeps_words_apart(name):
    markup = f"before<{name} a='b'>{{'x': [1]}}\n</{name} >after"
    assert plain_paragraphs(markup) == ["before after"]
    assert plain_paragraphs(f"before <{name} />, after") == ["before , after"]


def test_what_is_no_tag_stays():
    assert plain_paragraphs("mail <john@a.b> or 1<2>0") == ["mail <john@a.b> or 1<2>0"]


def test_nowiki_shows_its_content_as_it_is():
    markup = "<nowiki>* [[a|b]] ''c'' {{d}} <b> &amp; == e ==</nowiki>"
    assert plain_paragraphs(markup) == ["* [[a|b]] ''c'' {{d}} <b> & == e =="]
    assert plain_paragraphs("a<nowiki/>b<nowiki />c") == ["abc"]


def test_a_quotation_element_shows_its_marks():
    assert plain_paragraphs("he said <q>no</q>") == ['he said "no"']


def test_a_term_and_its_definition_are_two_paragraphs():
    markup = "; Term : text: more\n;Other\n:its text"
    assert plain_paragraphs(markup) == ["Term", "text: more", "Other", "its text"]


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("__NOTOC__a", "a"),
        ("__OHNE_INHALTSVERZEICHNIS__a", "a"),
        ("__\u0644\u0627_\u0641\u0647\u0631\u0633__a", "a"),
        ("a method __init__", "a method __init__"),
    ],
)
def test_magic_words_of_every_language_go_and_other_underscores_stay(markup, plain):
    assert plain_paragraphs(markup) == [plain]


def test_headings_tables_and_blank_lines_go_and_lines_are_paragraphs():
    markup = "one\n\n== Head ==\n{| class=x\n|-\n| cell {{t}}\n|}\n:{|\n|a\n|}\ntwo\n"
    assert plain_paragraphs(markup) == ["one", "two"]


@pytest.mark.parametrize("opening", ["{{", "{|\n", "[[", "<ref>", "<math>", "]]", "}}", "|}\n"])
def test_what_is_never_closed_or_opened_loses_its_mark_alone(opening):
    assert "after" in " ".join(plain_paragraphs(f"before\n{opening}after"))


@pytest.mark.parametrize(
    "unit",
    [
        *("{{", "[[", "[[a|", "<ref>", "[//a", "=", "<a", ":", "{|\n", "\n ", "{{nowrap|"),
        *("{{hlist|", "-{", "''", "'''", "<nowiki>", "<br ", "<br\n", "__", "__A", "|", "-{a;"),
    ],
)
def test_time_grows_with_length_alone(unit):
    # Were it quadratic, this would take minutes.
    plain_paragraphs(unit * 50_000)
    plain_paragraphs(unit * 25_000 + "x" + "]]" * 25_000 + "}}" * 25_000)


@given(
    st.lists(
        st.sampled_from(
            ["{{", "}}", "{|", "|}", "[[", "]]", "|", "a", "\n", "<ref>", "-{", "}-", "<br>"]
        )
    )
)
def test_any_order_of_marks_gives_paragraphs(marks):
    assert all(line.strip() for line in plain_paragraphs("".join(marks)))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("north<br/ >south", ["north south"]),
        ("{{quote|text=He said so.|author=X}}", ["He said so."]),
        ("{{Blockquote\n|text=He [[go|went]].\n|sign=X}}", ["He went."]),
        ("''Titanic''{{'s}} crew", ["Titanic's crew"]),
        ("a{{Template:Snd}}b", ["a \u2013 b"]),
        ("{{hlist|one|text=no item|two}}", ["one", "two"]),
    ],
)
def test_further_spellings_of_breaks_quotations_and_templates(markup, expected):
    assert plain_paragraphs(markup) == expected
