import pytest

from data_prep.corpus.wiki_dump import is_redirect


@pytest.mark.parametrize(
    "text",
    [
        "#REDIRECT [[a]]",
        " \n#redirect:[[a]] and more",
        "#WEITERLEITUNG [[Ziel#Teil|Wort]]",
        "#\u0111\u1ed5i [[\u0110\u00edch]]",
        "#\u91cd\u5b9a\u5411 [[\u76ee\u6807]]",
        "#\u8ee2\u9001 [[\u76ee\u7684]]\n{{R from move}}\n[[Category:x]] <!-- a --> <!-- b -->",
        "#\u062a\u063a\u06cc\u06cc\u0631_\u0645\u0633\u06cc\u0631 [[\u0647\u062f\u0641]]",
        "#\u092a\u0941\u0928\u0930\u094d\u0928\u093f\u0930\u094d\u0926\u0947\u0936 [[\u0932]]",
        "#Ail-cyfeirio [[Nod]]",
        "#YNL\u018fNDIRM\u018f : [[a]]",
    ],
)
def test_a_redirect_is_known_in_the_words_of_any_language(text):
    assert is_redirect(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "prose about #REDIRECT [[a]]",
        "# [[first]]",
        "# first [[a]]",
        "#1 [[a]]",
        "#[[a]]",
        "#first [[a]] is prose",
        "#first [[a]]\nProse follows here.",
        "#hash " + "<!-- a -->" * 60 + "x",
        "#hash [[a]]" + "<!-- a -->" * 60 + "x",
        "#hash [[a]]" + "__a" * 60 + "x",
    ],
)
def test_a_list_or_prose_is_no_redirect(text):
    assert not is_redirect(text)
