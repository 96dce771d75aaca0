"""A template to the text that stands for it.

No template is expanded. Those for white space, dashes, dots and line breaks are written out, those
that only style their argument give the argument, and the others give a gap: nothing, but a blank
where two words would otherwise become one.

Source: the documentation pages of the templates on the English Wikipedia (Template:Spaced ndash,
    Template:Spaces, Template:Dot, Template:Break, Template:Clear, ...) and their redirects.
"""

from __future__ import annotations

from typing import Any

GAP = "\0"  # wiki text cannot hold it: XML forbids the character
_DEEPEST_ARGUMENT = 16
_LONGEST_NUMBER = 4
_TEXT_ARGUMENT = 0  # where `_numbered` keeps "text=..."


def _named(value: Any, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(";"), value)


_TEXT = {
    **_named(
        " ",
        "nbsp;nbs;space;spaces;spc;hair space;hairsp;hsp;thin space;thinspace;thinsp;thsp;nnbsp;"
        "figure space;figsp;ensp;en space;emsp;em space;emspace;quad;gap;gaps;pad;padding;indent;"
        "px1;px2;px3;px4;break;br;brk;crlf;crlf2;newline",
    ),
    **_named(
        "\n",
        "-;clear;clr;clearleft;clear left;clearright;clear right;clear both;float clear;hr;"
        "paragraph break;pb;parabr;stack end;col-begin;col-end;col-break;col begin;col end;"
        "div col;div col end;end div col;endflatlist;endplainlist",
    ),
    **_named(
        " \u2013 ", "spaced ndash;spaced en dash;spaced endash;spaced en-dash;dash;spaced dash"
    ),
    **_named(" \u2013 ", "snd;snds;spnd;sndash;spndash;\u2013"),
    **_named("\u2013", "ndash;nd;en dash;endash;en-dash;nbnd"),
    **_named(
        " \u2014 ", "spaced mdash;spaced em dash;spaced emdash;spaced em-dash;smd;smdash;spmd"
    ),
    **_named("\u2014", "mdash;md;em dash;emdash;em-dash;--;\u2014"),
    **_named(" \u2022 ", "\u2022;bull;bullet;bold bullet;\u2022w"),
    **_named(" \u00b7 ", "\u00b7;dot;middot;bold middot;interpunct;\u00b7w;mid dot"),
    **_named("-", "hyphen;nbhyph;nbh;nb-;non breaking hyphen;non-breaking hyphen"),
    **_named("\u2212", "minus"),
    **_named("\u2026", "...;ellipsis;hellip"),
    **_named(" / ", "\\;slash;spaced slash"),
    **_named("|", "!;pipe"),
    **_named("=", "="),
    **_named("'", "';apos;apostrophe"),
    **_named("'s", "'s"),
    # Break opportunities and soft hyphens stand inside a word, marks of notes right behind one,
    # which may go on.
    **_named(
        "",
        "shy;wbr;zwsp;zwj;zwnj;nowrap begin;nowrap end;nowrapbegin;nowrapend;efn;sfn;sfnp;sfnm;"
        "refn;r;rp;note;ref;fn;cn;fact;citation needed;citation;cite;clarify;dubious",
    ),
}
# The text that a reader sees is an argument: its number, counted from 1.
_ARGUMENT = {
    **_named(
        1,
        "nowrap;nobr;nobreak;small;smaller;big;larger;large;smallcaps;sc;small caps;em;strong;"
        "abbr;abbreviation;tooltip;sup;sub;sic;mono;tt;code;kbd;var;nobold;noitalic;angbr;"
        "not a typo;typo;as written;ill;interlanguage link;nihongo;linktext;visible anchor;"
        "vanchor;strikethrough;underline;uline;italic;bold;keep together;q",
    ),
    **_named(2, "lang;langx;transl;transliteration;translit;color;colour;font color"),
}
# The same, but their text is a paragraph of its own; of the last line every argument is one.
_BLOCKS = _named(
    True,
    "quote;blockquote;block quote;quotation;cquote;bq;poemquote;centre;center;center block;"
    "flatlist;plainlist;plain list",
)
_LISTS = _named(True, "hlist;ubl;ublist;unbulleted list;bulleted list;ordered list")


def template_text(body: str, depth: int) -> str:
    """Returns the text of a template.

    Args:
        body: what stands between the braces, inner templates replaced already.
        depth: how many templates it stands in; the argument of a very deep one is dropped, so that
            time grows with the length of the text alone.
    """
    name, _, arguments = body.partition("|")
    name = " ".join(name.replace("_", " ").split()).lower().removeprefix("template:").lstrip()
    text = _TEXT.get(name)
    if text is not None:
        return text
    if depth > _DEEPEST_ARGUMENT:
        return GAP
    if name in _LISTS:
        numbered = _numbered(arguments)
        numbered.pop(_TEXT_ARGUMENT, None)
        return "\n" + "\n".join(numbered.values()) + "\n"
    if name in _BLOCKS:
        numbered = _numbered(arguments)
        return "\n" + numbered.get(1, numbered.get(_TEXT_ARGUMENT, "")) + "\n"
    number = 1 if name.startswith("lang-") else _ARGUMENT.get(name)
    if number:
        return _numbered(arguments).get(number, "")
    return "" if name.startswith("cite ") else GAP


def _numbered(arguments: str) -> dict[int, str]:
    """Returns the arguments that have a number, given ("1=text") or by their order."""
    numbered: dict[int, str] = {}
    unnamed = 0
    for argument in _split(arguments):
        name, equals, value = argument.partition("=")
        if not equals or not name.strip().isalnum():
            unnamed += 1
            numbered[unnamed] = argument
        elif len(name) < _LONGEST_NUMBER and name.strip().isdecimal():
            numbered[int(name)] = value.strip()
        elif name.strip().lower() in ("text", "quote", "content"):
            numbered[_TEXT_ARGUMENT] = value.strip()
    return numbered


def _split(arguments: str) -> list[str]:
    """Splits at the bars that do not belong to a link."""
    parts: list[list[str]] = []
    inside = 0
    for piece in arguments.split("|"):
        if inside > 0:
            parts[-1].append(piece)
        else:
            parts.append([piece])
        inside = max(0, inside + piece.count("[[") - piece.count("]]"))
    return ["|".join(pieces) for pieces in parts]
