"""Apostrophes of wiki text: those that mean bold and italic go, those that are text stay.

Source: MediaWiki, Parser::doQuotes: of a run of four the first is text, of more than five all but
    the last five; where a line has an odd number of both bold and italic marks, one bold mark is an
    apostrophe and italic, most likely behind a word of one letter (`l'''Italie''`).
"""

from __future__ import annotations

import re

_RUN = re.compile(r"'{2,}")
_ELISION = re.compile(r"(?:(?<=\s\w)|(?<=^\w))'''(?!')")
_AFTER_WORD = re.compile(r"(?<=\w)'''(?!')")


def without_quotes(line: str) -> str:
    """Returns the line without the apostrophes that mean bold and italic."""
    if "'''" not in line:
        return line.replace("''", "")
    lengths = [len(run) for run in _RUN.findall(line)]
    bold = sum(length != 2 for length in lengths)
    italic = sum(length == 2 or length >= 5 for length in lengths)
    if bold % 2 and italic % 2:
        for pattern in (_ELISION, _AFTER_WORD):
            line, replaced = pattern.subn("'", line, count=1)
            if replaced:
                break
    if max(lengths) in (2, 3):
        return _RUN.sub("", line)
    return _RUN.sub(_text_of_run, line)


def _text_of_run(run: re.Match[str]) -> str:
    length = len(run[0])
    return "'" if length == 4 else "'" * max(0, length - 5)
