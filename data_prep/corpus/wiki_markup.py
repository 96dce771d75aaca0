"""Wiki text to plain paragraphs: what a reader of the page sees as prose, words apart.

    '''bold''', <span>, <sub>, <noinclude>   their text, joined to its neighbours
    <br>                                     a blank
    <p>, <li>, <td>, <div>, <hr>, ----, ...  a new paragraph
    [[target|label]], [http://a.b label]     see `wikitext.links`
    {{nbsp}}, {{nowrap|text}}, {{infobox}}   see `wikitext.templates`
    -{zh-hans:a; zh-hant:b}-                 see `wikitext.variants`
    <nowiki>[[text]]</nowiki>                its text as it is
    &entities;                               the characters
    {|tables|}, == headings ==, comments, <ref>, <gallery>, <math>, <pre>, ..., __MAGIC__   dropped

Time grows with the length of the text alone, at any depth of nesting and with anything left open.

Source: https://www.mediawiki.org/wiki/Help:Formatting and the pages of the parser extensions.
"""

from __future__ import annotations

import collections
import html
import re
from collections.abc import Collection

from data_prep.corpus.wikitext.links import with_links_resolved
from data_prep.corpus.wikitext.quotes import without_quotes
from data_prep.corpus.wikitext.templates import GAP, template_text
from data_prep.corpus.wikitext.variants import with_first_variant

# Elements whose content is no prose: notes, pictures, formulas, code, data, scripts.
DROPPED_TAGS = (
    "ref|gallery|math|ce|chem|source|syntaxhighlight|timeline|score|imagemap|pre|graph|hiero|"
    "map|mapframe|maplink|mapdata|templatedata|templatestyles|inputbox|categorytree|indicator|"
    "dynamicpagelist|charinsert|quiz|rss|ask|includeonly|phonos|listen|section|choose|staff|abc|"
    "script|style|video|audio|metadata|page-collection"
)
_BLOCK_TAGS = (
    "p|div|center|blockquote|ul|ol|li|dl|dt|dd|table|caption|thead|tbody|tfoot|tr|td|th|hr|pre|"
    "h[1-6]|poem|references|gallery|address|article|section|aside|figure|figcaption|details|"
    "summary|tabber|tabs?|slideshow"
)
_NOTES = ("ref",)  # a mark in superscript behind a word; the word may go on
_ATTRIBUTES = r"(?:[\s/](?:[^<>\n]|\n(?!\n))*)?"
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOWIKI = re.compile(r"<nowiki\s*>(.*?)</nowiki\s*>", re.DOTALL | re.IGNORECASE)
_NOWIKI_END = re.compile(r"</nowiki\s*>", re.IGNORECASE)
_DROPPED_BEGIN = re.compile(rf"<({DROPPED_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_DROPPED_END = {
    name: re.compile(rf"</{name}\s*(?:>|\Z)", re.IGNORECASE) for name in DROPPED_TAGS.split("|")
}
_BREAK_TAG = re.compile(rf"</?br{_ATTRIBUTES}>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK_TAGS}){_ATTRIBUTES}>", re.IGNORECASE)
_QUOTE_TAG = re.compile(rf"</?q{_ATTRIBUTES}>", re.IGNORECASE)
_TAG = re.compile(rf"</?[a-zA-Z][a-zA-Z0-9-]*{_ATTRIBUTES}>")
_BLOCK_MARK = re.compile(r"\{\{|\}\}|^[: \t]*\{\||^\|\}(?!\})", re.MULTILINE)
_RULE = re.compile(r"^-{4,}", re.MULTILINE)
_MAGIC = re.compile(r"__([^\W\d_]+(?:_[^\W\d_]+)*)__")
_LIST_MARKS = re.compile(r"^[*#:;]+\s*")
_TERM_END = re.compile(r":\s+")
_GAPS = re.compile(f"{GAP}{GAP}*")
_MARKUP = {ord(each): f"&#{ord(each)};" for each in "<>[]{}|'*:=_-"}
_MARKS_AT_BEGIN = re.compile(r"^[#;]", re.MULTILINE)  # elsewhere they are parts of entities


def plain_paragraphs(markup: str, hidden_prefixes: Collection[str] = ()) -> list[str]:
    """Returns the paragraphs of a page, none of them blank.

    Args:
        markup: wiki text.
        hidden_prefixes: names of the namespaces of files and categories in this wiki, lower-cased,
            with underscores for blanks, as far as `wikitext.links` does not list them.
    """
    text = _COMMENT.sub("", markup.replace(GAP, ""))
    text = _with_nowiki_literal(text)
    text = _without_dropped_tags(text)
    text = _without_blocks(text)
    text = with_first_variant(text)
    text = _QUOTE_TAG.sub('"', _BLOCK_TAG.sub("\n", _BREAK_TAG.sub(" ", text)))
    text = _TAG.sub("", text)
    if "----" in text:
        text = _RULE.sub("\n", text)
    text = with_links_resolved(text, hidden_prefixes)
    text = _MAGIC.sub(lambda match: match[0] if match[1] != match[1].upper() else "", text)
    text = _GAPS.sub(_blank_between_words, text)
    paragraphs: list[str] = []
    for line in text.split("\n"):
        if line:
            paragraphs += filter(None, _paragraphs_of_line(line))
    return paragraphs


def _with_nowiki_literal(text: str) -> str:
    # What begins behind the last end is never closed; to look for its end each time takes long.
    ends = [each.end() for each in _NOWIKI_END.finditer(text)]
    end = ends[-1] if ends else 0
    return _NOWIKI.sub(_literal, text[:end]) + text[end:] if end else text


def _literal(nowiki: re.Match[str]) -> str:
    text = nowiki[1].translate(_MARKUP)
    return _MARKS_AT_BEGIN.sub(lambda mark: f"&#{ord(mark[0])};", text)


def _blank_between_words(gap: re.Match[str]) -> str:
    around = gap.string[gap.start() - 1 : gap.start()], gap.string[gap.end() : gap.end() + 1]
    return " " if all(each.isalnum() for each in around) else ""


def _paragraphs_of_line(line: str) -> tuple[str, ...]:
    """Returns one paragraph, of a definition list two, of a heading none; some may be empty."""
    marks = _LIST_MARKS.match(line)
    if marks:
        line = line[marks.end() :]
    line = line.strip()
    if line.startswith("=") and line.endswith("="):
        return ()
    if "''" in line:
        line = without_quotes(line)
    if marks and marks[0].startswith(";"):
        return tuple(map(_plain, _TERM_END.split(line, maxsplit=1)))
    return (_plain(line),)


def _plain(text: str) -> str:
    return " ".join(html.unescape(text).split())


def _without_dropped_tags(text: str) -> str:
    """Removes elements with their content; one that is never closed loses its tag alone."""
    kept = []
    position = 0
    unclosed: set[str] = set()
    while begin := _DROPPED_BEGIN.search(text, position):
        kept.append(text[position : begin.start()])
        name = begin.group(1).lower()
        position = begin.end()
        kept.append("" if name in _NOTES else GAP)
        if begin.group().endswith("/>") or name in unclosed:
            continue
        end = _DROPPED_END[name].search(text, position)
        if end:
            position = end.end()
        else:
            unclosed.add(name)
    return "".join([*kept, text[position:]])


def _without_blocks(text: str) -> str:
    """Replaces templates by their text and removes tables.

    Of one that is never closed only the mark goes.
    """
    stack: list[tuple[str, list[str]]] = [("", [])]
    is_open: collections.Counter[str] = collections.Counter()
    position = 0
    for mark in _BLOCK_MARK.finditer(text):
        stack[-1][1].append(text[position : mark.start()])
        position = mark.end()
        kind = mark.group().strip(": \t\n")
        if kind in ("{{", "{|"):
            stack.append((kind, []))
            is_open[kind] += 1
            continue
        opener = "{{" if kind == "}}" else "{|"
        while is_open[opener]:
            closed, pieces = stack.pop()
            is_open[closed] -= 1
            if closed == opener:
                is_template = opener == "{{"
                stack[-1][1].append(
                    template_text("".join(pieces), len(stack)) if is_template else "\n"
                )
                break
    stack[-1][1].append(text[position:])
    return "".join(piece for _, pieces in stack for piece in pieces)
