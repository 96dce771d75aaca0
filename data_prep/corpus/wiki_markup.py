"""Wiki markup to plain text, simply: what is not prose goes, what is prose stays.

    {{templates}}, {|tables|}, comments, <ref>, <gallery>, <math>, code     go, nested or not
    [[target|label]], [[target]]                                            label, target
    [[File:...]], [[Category:...]], any prefix without a space behind it    go
    [http://... label], [http://...]                                        label, nothing
    == headings ==, __MAGIC__ words                                         go
    '''bold''', list marks, other tags                                      their text stays
    &entities;                                                              the characters

No template is expanded, so a sentence may lack a unit or a date that one would have made. Time
grows with the length of the text alone, whatever is left open or nested.
"""

from __future__ import annotations

import collections
import html
import re

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_DROPPED_TAGS = "ref|gallery|math|source|syntaxhighlight|timeline|score|chem|imagemap|code|pre"
_DROPPED_BEGIN = re.compile(rf"<({_DROPPED_TAGS})(?:\s[^<>]*)?>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>")
_BLOCK_MARK = re.compile(r"\{\{|\}\}|^[: \t]*\{\||^\|\}(?!\})", re.MULTILINE)
_LINK_MARK = re.compile(r"\[\[|\]\]")
_PREFIX = re.compile(r"[^\s:|\[\]][^:|\[\]\n]*:\S")
_WEB_LINK = re.compile(r"\[(?:https?:|ftp:)?//[^\s\[\]]+(\s[^\[\]\n]*)?\]")
_QUOTES = re.compile(r"'{2,}")
_MAGIC = re.compile(r"__[A-Z]+__")
_LIST_MARKS = re.compile(r"^[*#:;]+\s*")
_DEEPEST_LINK = 8


def plain_paragraphs(markup: str) -> list[str]:
    """Returns the paragraphs of a page, none of them blank."""
    text = _COMMENT.sub("", markup)
    text = _without_dropped_tags(text)
    text = _without_blocks(text)
    text = _TAG.sub("", text)
    text = _with_links_resolved(text)
    text = _WEB_LINK.sub(r"\1", text)
    text = html.unescape(_MAGIC.sub("", _QUOTES.sub("", text)))
    paragraphs = []
    for line in text.split("\n"):
        line = " ".join(_LIST_MARKS.sub("", line).split())
        is_heading = line.startswith("=") and line.endswith("=")
        if line and not is_heading:
            paragraphs.append(line)
    return paragraphs


def _without_dropped_tags(text: str) -> str:
    """Removes elements with their content; one that is never closed loses its tag alone."""
    kept = []
    place = 0
    unclosed: set[str] = set()
    folded = text.lower()
    if len(folded) != len(text):  # a few letters change their length: then case must match
        folded = text
    while begin := _DROPPED_BEGIN.search(text, place):
        kept.append(text[place : begin.start()])
        name = begin.group(1).lower()
        place = begin.end()
        if begin.group().endswith("/>") or name in unclosed:
            continue
        end = folded.find(f"</{name}", place)
        if end < 0:
            unclosed.add(name)
        else:
            closed = text.find(">", end)
            place = closed + 1 if closed >= 0 else len(text)
    return "".join([*kept, text[place:]])


def _without_blocks(text: str) -> str:
    """Removes templates and tables; of one that is never closed only the mark goes."""
    stack: list[tuple[str, list[str]]] = [("", [])]
    is_open: collections.Counter[str] = collections.Counter()
    place = 0
    for mark in _BLOCK_MARK.finditer(text):
        stack[-1][1].append(text[place : mark.start()])
        place = mark.end()
        kind = mark.group().strip(": \t\n")
        if kind in ("{{", "{|"):
            stack.append((kind, []))
            is_open[kind] += 1
            continue
        opener = "{{" if kind == "}}" else "{|"
        while is_open[opener]:
            closed, _ = stack.pop()
            is_open[closed] -= 1
            if closed == opener:
                break
    stack[-1][1].append(text[place:])
    return "".join(piece for _, pieces in stack for piece in pieces)


def _with_links_resolved(text: str) -> str:
    stack: list[list[str]] = [[]]
    place = 0
    for mark in _LINK_MARK.finditer(text):
        stack[-1].append(text[place : mark.start()])
        place = mark.end()
        if mark.group() == "[[":
            if len(stack) <= _DEEPEST_LINK:
                stack.append([])
        elif len(stack) > 1:
            link = "".join(stack.pop())
            stack[-1].append(_label(link))
    stack[-1].append(text[place:])
    return "".join(piece for pieces in stack for piece in pieces)


def _label(link: str) -> str:
    if _PREFIX.match(link):
        return ""
    return link.rpartition("|")[2].removeprefix(":")
