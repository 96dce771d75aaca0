"""Checks a submission to GLUE against the description of its format, and nothing of ours.

A zip with eleven files at its top level; in each the header `index<TAB>prediction`, then one row
per example of the test set with index 0, 1, 2, ... and an answer. Nothing is extracted, and no file
is read beyond its limit.

Source: the submission page of GLUE and its sample submission; row counts are those of the test
files of the benchmark.
"""

from __future__ import annotations

import dataclasses
import lzma
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping

_MAX_BYTES = 32 * 2**20  # of a file; the longest, QQP.tsv, has 4 MB
_MAX_PROBLEMS = 3  # shown per file
# What `zipfile` raises on bytes that are damaged, encrypted or of a method that it does not have.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, RuntimeError, ValueError),
)
_BINARY = ("0", "1")
_TWO = ("entailment", "not_entailment")
_THREE = ("entailment", "neutral", "contradiction")


@dataclasses.dataclass(frozen=True)
class FileFormat:
    """What a file must hold: so many rows, each one of `answers`, or a score if there are none."""

    rows: int
    answers: tuple[str, ...] = ()


FORMATS: Mapping[str, FileFormat] = {
    "CoLA.tsv": FileFormat(1_063, _BINARY),
    "SST-2.tsv": FileFormat(1_821, _BINARY),
    "MRPC.tsv": FileFormat(1_725, _BINARY),
    "STS-B.tsv": FileFormat(1_379),
    "QQP.tsv": FileFormat(390_965, _BINARY),
    "MNLI-m.tsv": FileFormat(9_796, _THREE),
    "MNLI-mm.tsv": FileFormat(9_847, _THREE),
    "QNLI.tsv": FileFormat(5_463, _TWO),
    "RTE.tsv": FileFormat(3_000, _TWO),
    "WNLI.tsv": FileFormat(146, _BINARY),
    "AX.tsv": FileFormat(1_104, _THREE),
}


def check_submission(
    path: str | os.PathLike, formats: Mapping[str, FileFormat] = FORMATS
) -> list[str]:
    """Returns what is wrong with a zip, one line each; none if it can be submitted.

    Args:
      path: The zip.
      formats: File -> what it must hold.

    Raises:
      FileNotFoundError: If there is no such file.
      ValueError: If it is no zip.
    """
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: expected a zip with a submission to GLUE, received a path where there is none"
        ) from None
    except PermissionError:
        raise
    except _UNREADABLE as error:
        raise ValueError(
            f"{path}: expected a zip with a submission to GLUE, received something else ({error})"
        ) from error
    with archive:
        names = [info.filename for info in archive.infolist()]
        problems = [
            f"{name}: expected one of {', '.join(formats)} at the top level of the zip, "
            "received a file of this name"
            for name in names
            if name not in formats
        ]
        for name, form in formats.items():
            if names.count(name) != 1:
                received = f"{names.count(name)} of this name" if name in names else "none"
                problems.append(f"{name}: expected one file, received {received}")
                continue
            found = _check_file(archive, name, form)
            problems += [f"{name}{problem}" for problem in found[:_MAX_PROBLEMS]]
            if len(found) > _MAX_PROBLEMS:
                problems.append(f"{name}: {len(found) - _MAX_PROBLEMS:,} more lines are wrong")
    return problems


def _check_file(archive: zipfile.ZipFile, name: str, form: FileFormat) -> list[str]:
    """What is wrong with one file: ", line 7: expected ..., received ..."."""
    try:
        with archive.open(name) as file:
            content = file.read(_MAX_BYTES + 1)
    except _UNREADABLE as error:
        return [f": expected a file that can be unpacked, received {error}"]
    if len(content) > _MAX_BYTES:
        return [f": expected at most {_MAX_BYTES:,} bytes, received more"]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return [f": expected UTF-8, received byte 0x{content[error.start]:02x}"]
    lines = text.removesuffix("\n").split("\n")
    problems = []
    if lines[0] != "index\tprediction":
        problems.append(f", line 1: expected index<TAB>prediction, received {lines[0][:80]!r}")
    rows = lines[1:]
    for index, line in enumerate(rows):
        if problem := _problem(line, index, form):
            problems.append(f", line {index + 2}: {problem}")
    if len(rows) != form.rows:
        problems.insert(0, f": expected {form.rows:,} rows, received {len(rows):,}")
    return problems


def _problem(line: str, index: int, form: FileFormat) -> str:
    """What is wrong with a row; empty for nothing."""
    fields = line.split("\t")
    if len(fields) != 2:
        return f"expected 2 tab-separated columns, received {len(fields)}: {line[:80]!r}"
    if fields[0] != str(index):
        return f"expected index {index}, received {fields[0][:80]!r}"
    if form.answers:
        if fields[1] not in form.answers:
            return f"expected one of {', '.join(form.answers)}, received {fields[1][:80]!r}"
        return ""
    if not _is_score(fields[1]):
        return f"expected a number from 0 to 5, received {fields[1][:80]!r}"
    return ""


def _is_score(text: str) -> bool:
    # Narrower than float(), which takes "nan", "1_0" and " 1 ", too.
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text, flags=re.ASCII):
        return False
    score = float(text)
    return math.isfinite(score) and 0 <= score <= 5
