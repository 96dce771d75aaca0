import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.corpus.sentence_terminals import SENTENCE_TERMINALS
from data_prep.corpus.sentences import split_sentences


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("I came. I saw!", ["I came.", "I saw!"]),
        ("Dr. Jones of Washington, D.C. met Mr. Smith.", None),
        ("The economy grew 3.5 percent. Did it?", ["The economy grew 3.5 percent.", "Did it?"]),
        ("J. K. Rowling wrote it on Jan. 5th.", None),
        ("no full stop at all", None),
        ("spaces   inside stay", None),
    ],
)
def test_prose_splits_where_a_reader_would(line, sentences):
    expected = [line] if sentences is None else sentences
    assert split_sentences([line.encode()]) == [each.encode() for each in expected]


def test_a_sentence_never_spans_two_lines():
    assert split_sentences([b"one line", b"another"]) == [b"one line", b"another"]


def split(line):
    return [each.decode() for each in split_sentences([line.encode()])]


# Sentences end with the mark of their script, and a blank follows it.
SCRIPTS = {
    "Devanagari": ("\u092f\u0939 \u0918\u0930 \u0939\u0948", "\u0964\u0965"),
    "Armenian": ("\u0546\u0561 \u0565\u056f\u0561\u057e", "\u0589"),
    "Arabic": ("\u0630\u0647\u0628 \u0627\u0644\u0648\u0644\u062f", "\u061f"),
    "Urdu": ("\u0648\u06c1 \u0622\u06cc\u0627", "\u06d4"),
    "Syriac": ("\u0710\u0712\u0710 \u0712\u0710", "\u0701"),
    "Burmese": ("\u101e\u1030\u101c\u102c\u101e\u100a\u103a", "\u104b"),
    "Ethiopic": ("\u12a5\u1231 \u1218\u1323", "\u1362\u1367"),
    "Khmer": ("\u1782\u17b6\u178f\u17cb\u1798\u1780", "\u17d4\u17d5"),
    "Mongolian": ("\u182e\u1823\u1829", "\u1803"),
    "Han": ("\u4ed6\u8d70\u4e86", "\u3002\uff01\uff1f"),
    "Meetei Mayek": ("\uabd1\uabe9", "\uabeb"),
    "Chakma": ("\U00011107\U00011108", "\U00011141"),
    "Latin with odd marks": ("he came", "\u203c\u2047\u2049\u203d\u2e2e"),
}


@pytest.mark.parametrize(
    ("script", "mark"), [(script, mark) for script, (_, marks) in SCRIPTS.items() for mark in marks]
)
def test_the_marks_of_every_script_end_sentences(script, mark):
    sentence = SCRIPTS[script][0] + mark
    assert split(f"{sentence} {sentence} {sentence}") == [sentence] * 3
    # A quotation mark or a bracket that closes behind the mark belongs to the sentence.
    quoted = f"\u00ab{sentence}\u00bb"
    assert split(f"{quoted} {quoted}") == [quoted] * 2
    assert split(f"({sentence}) {sentence}") == [f"({sentence})", sentence]


def test_scripts_without_blanks_are_cut_behind_mark_and_closing_bracket():
    sentences = [
        "\u300c\u8d70\uff01\u300d",
        "\u4ed6\u8bf4\u3002",
        "\u597d\uff1f\uff01",
        "\u201c\u5bf9\u3002\u201d",
        "\u5979\u8bf4",
    ]
    assert split("".join(sentences)) == sentences


def test_a_wide_full_stop_in_a_number_ends_nothing():
    assert split("\u5f7c\uff13\uff0e\uff15\u3068\uff0e\u6b21") == [
        "\u5f7c\uff13\uff0e\uff15\u3068\uff0e",
        "\u6b21",
    ]


def test_an_emoji_beside_a_mark_changes_nothing():
    assert split("\u4ed6\u8d70\u3002\U0001f600\u597d\u3002") == [
        "\u4ed6\u8d70\u3002",
        "\U0001f600\u597d\u3002",
    ]


QUOTES = ['""', "\u201c\u201d", "\u00ab\u00bb", "\u201e\u201c", "\u00bb\u00ab", "\u201d\u201d"]


@pytest.mark.parametrize("quotes", QUOTES)
@pytest.mark.parametrize(
    "sentences",
    [
        ["<Stop!> he said.", "<Go!>", "I went."],
        ["He said <stop.>", "Then he ran."],
        ["<Why?>", "<No reason.>", "She <left.>"],
        ["<Come,> he said, <now!>", "We came."],
        ["Mr. <Big> Smith paid 3.5 percent.", "Why?"],
    ],
)
def test_quotation_marks_of_all_kinds_are_alike(quotes, sentences):
    quoted = [each.replace("<", quotes[0]).replace(">", quotes[1]) for each in sentences]
    assert split(" ".join(quoted)) == quoted


def test_speech_goes_on_with_a_lower_case_letter_of_any_script():
    line = '"\u0421\u0442\u043e\u0439!" \u0441\u043a\u0430\u0437\u0430\u043b \u043e\u043d.'
    assert split(line) == [line]
    assert split(line.replace("\u0441\u043a", "\u0421\u043a")) == [
        line[:7],
        "\u0421\u043a" + line[10:],
    ]


def test_the_property_holds_what_the_standard_says():
    # 170 code points in Unicode 17.0.0, PropList.txt.
    assert len(SENTENCE_TERMINALS) == len(set(SENTENCE_TERMINALS)) == 170
    assert all(unicodedata.category(each) in ("Po", "Cn") for each in SENTENCE_TERMINALS)
    assert set(".!?") < set(SENTENCE_TERMINALS)
    assert not set(",;:\u060c\u3001\u1361\u0f0d\u2026") & set(SENTENCE_TERMINALS)


def visible(text):
    """Text without white space, control and format characters, and two symbols for white space."""
    kept = (each for each in text if unicodedata.category(each)[0] not in "CZ")
    return "".join(kept).translate({0x2420: None, 0x2424: None})


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=80))
def test_nothing_is_lost_that_bert_would_see(line):
    kept = b" ".join(split_sentences([line.encode()])).decode()
    assert visible(kept) == visible(line)


@pytest.mark.parametrize("said", ["Stop!", "No.", "Why?", "U.S.", "Mr.", "No. 5", "fine"])
@pytest.mark.parametrize(
    "then", ["5 men ran.", "\u00c9l sali\u00f3.", "(He left.)", "he left.", "Army won.", "[1] So."]
)
def test_curly_quotes_are_cut_where_straight_ones_are(said, then):
    straight = split(f'He cried "{said}" {then}')
    curly = split(f"He cried \u201c{said}\u201d {then}")
    assert [re.sub("[\u201c\u201d]", '"', each) for each in curly] == straight


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f"])
def test_french_quotes_with_blanks_inside_belong_to_the_sentence(blank):
    line = f"\u00ab{blank}Non{blank}!{blank}\u00bb Il part. \u00ab{blank}Oui.{blank}\u00bb dit-il."
    first, second, third = split(line)
    assert first.startswith("\u00ab") and first.endswith("\u00bb")
    assert (second, third.endswith("dit-il.")) == ("Il part.", True)


def test_speech_goes_on_behind_a_dash_and_a_lower_case_letter():
    assert (
        len(
            split(
                "\u00ab\u0421\u0442\u043e\u0439!\u00bb \u2014 \u0441\u043a\u0430\u0437\u0430\u043b."
            )
        )
        == 1
    )
    assert len(split('"Stop!" - he said.')) == 1
