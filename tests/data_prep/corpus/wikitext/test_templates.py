import pytest

from data_prep.corpus.wiki_markup import plain_paragraphs


@pytest.mark.parametrize(
    ("name", "between"),
    [
        *(
            (name, " ")
            for name in ("nbsp", "Nbsp", "space", "spaces|2", "hair space", "thin_space")
        ),
        *((name, " ") for name in ("br", "break", "pad|1em", "\n nbsp \n")),
        *((name, " \u2013 ") for name in ("spaced ndash", "Spaced_ndash", "snd", "spnd", "dash")),
        *((name, "\u2013") for name in ("ndash", "en dash")),
        *((name, "\u2014") for name in ("mdash", "em dash")),
        *((name, " \u2014 ") for name in ("spaced mdash", "smd")),
        *((name, " \u2022 ") for name in ("\u2022", "bull", "bullet")),
        *((name, " \u00b7 ") for name in ("\u00b7", "dot", "middot")),
        ("...", "\u2026"),
        ("shy", ""),
        ("efn|a note", ""),
        ("a template that nobody knows|x", " "),
    ],
)
def test_a_template_for_a_space_or_a_dash_keeps_words_apart(name, between):
    assert plain_paragraphs(f"twelve{{{{{name}}}}}men") == [f"twelve{between}men"]


@pytest.mark.parametrize("name", ["clear", "-", "Clear left", "paragraph break", "hr"])
def test_a_template_that_ends_a_block_parts_paragraphs(name):
    assert plain_paragraphs(f"one{{{{{name}}}}}two") == ["one", "two"]


@pytest.mark.parametrize(
    ("markup", "plain"),
    [
        ("{{nowrap|10 [[km|kilometres]]}}", "10 kilometres"),
        ("{{nowrap|1=a=b}} c", "a=b c"),
        ("{{lang|fr|le ''chat''|italic=no}}", "le chat"),
        ("{{Lang-fr|Rome}}", "Rome"),
        ("H{{sub|2}}O", "H2O"),
        ("{{small|{{nowrap|{{em|deep}}}}}}", "deep"),
        ("{{abbr|approx.|approximately}}", "approx."),
        ("{{nowrap}} a", "a"),
        ("A{{convert|5|km}}, b", "A, b"),
    ],
)
def test_a_template_that_styles_its_argument_gives_the_argument(markup, plain):
    assert plain_paragraphs(markup) == [plain]


def test_quotations_and_lists_are_paragraphs():
    assert plain_paragraphs("a {{quote|To be.|Hamlet}} b") == ["a", "To be.", "b"]
    assert plain_paragraphs("{{hlist|one|two [[x|y]]}}") == ["one", "two y"]
