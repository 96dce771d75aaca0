"""Marks of language variants to the text of the first variant.

    -{text}-, -{R|text}-, -{zh;zh-hant|text}-     text
    -{zh-hans:a; zh-hant:b}-, -{A|zh-cn:a;...}-   a
    -{from=>zh-cn:to}-                            from
    -{H|...}-, -{T|...}-, -{D|...}-, -{-|...}-    nothing: rules for the rest of the page

Source: https://www.mediawiki.org/wiki/Writing_systems/Syntax.
Differs: no rule is applied to the rest of the page; the text stays in the variants it was written
    in.
"""

from __future__ import annotations

import re

# A longer one is no prose; the limit bounds the time that odd content can take.
_MARK = re.compile(r"-\{(?!\{)([^{}]{0,1000})\}-")
_CODE = r"[a-z]{2,3}(?:-[a-z]+)*"
_FLAGS = re.compile(rf"\s*(?:[A-Z+-]|{_CODE})(?:\s*;\s*(?:[A-Z+-]|{_CODE}))*\s*;?\s*\Z")
_RULE = re.compile(rf"(?:([^=]*)=>\s*)?{_CODE}\s*:")
_NEXT_RULE = re.compile(rf";\s*(?:(?:[^;]*?=>\s*)?{_CODE}\s*:|\Z)")
_HIDING = frozenset("HTD-N")


def with_first_variant(text: str) -> str:
    """Returns the text with every mark of variants replaced by the first of them."""
    return _MARK.sub(_first, text) if "-{" in text else text


def _first(match: re.Match[str]) -> str:
    flags, bar, rules = match[1].partition("|")
    if bar and _FLAGS.match(flags):
        if not _HIDING.isdisjoint(flag.strip() for flag in flags.split(";")):
            return ""
    else:
        rules = match[1]
    first = _until_next_rule(rules).strip()
    rule = _RULE.match(first)
    if not rule:
        return rules
    return first[rule.end() :].strip() if rule[1] is None else rule[1].strip()


def _until_next_rule(rules: str) -> str:
    """Returns the first rule; a semicolon that begins no other rule belongs to its text."""
    end = _NEXT_RULE.search(rules)
    return rules[: end.start()] if end else rules
