"""`--input` arguments to files with their layouts, and files to units of work of even size."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import os
import re
from collections.abc import Iterable, Sequence

from data_prep import storage
from data_prep.corpus import byte_streams, parquet
from data_prep.corpus.documents import LAYOUTS
from data_prep.corpus.file_range import FileRange
from data_prep.corpus.formats import file_kinds
from data_prep.corpus.formats.file_kinds import FileKind

RANGE_BYTES = 32 << 20
UNIT_BYTES = 8 << 20
_USUAL_LAYOUTS = {
    "jsonl": re.compile(r"\.(jsonl|ndjson)(\.\w+)?$"),
    "parquet": re.compile(r"\.(parquet|pq)$"),
    "mediawiki": re.compile(r"\.xml(-p\d+p\d+)?(\.\w+)?$"),
}
_UNDIVIDED = ("file", "mediawiki")


@dataclasses.dataclass(frozen=True)
class InputFile:
    """One file of the corpus.

    Attributes:
        path: absolute, or a URL.
        layout: where documents begin; one of `documents.LAYOUTS`.
        size: in bytes, as it is stored.
    """

    path: str
    layout: str
    size: int


def find_input_files(arguments: Sequence[str]) -> list[InputFile]:
    """Returns the files of `GLOB[::LAYOUT]` arguments, each once.

    An argument that is the path of a file names that file, also where it could be read as a
    pattern; so do the folders at its beginning.

    Raises:
        FileNotFoundError: a glob matches no file.
        ValueError: an unknown layout, a file named twice with two layouts, or a file of a kind
            that cannot be read, with what to do about it.
    """
    found: dict[str, InputFile] = {}
    for argument in arguments:
        pattern, layout = _parse(argument)
        paths = _matching_files(pattern)
        if not paths:
            raise FileNotFoundError(_nothing_found(pattern))
        for path in paths:
            name = path if storage.is_remote(path) else os.path.realpath(path)
            file = InputFile(name, _layout_of(path, layout), storage.size(path))
            if found.setdefault(name, file).layout != file.layout:
                raise ValueError(
                    f"{path}: expected one layout for each file, received "
                    f"{found[name].layout} and {file.layout}. Name the file in one --input only."
                )
    return list(found.values())


def digest_of_files(files: Iterable[InputFile]) -> str:
    """Returns a SHA-256 over path, size and layout of the files, regardless of their order."""
    lines = sorted(f"{file.path}\0{file.size}\0{file.layout}" for file in files)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def plan_work(
    files: Iterable[InputFile],
    *,
    text_field: str = "text",
    range_bytes: int = RANGE_BYTES,
    unit_bytes: int = UNIT_BYTES,
) -> list[list[FileRange]]:
    """Cuts large plain files into ranges and joins small files, so that workers get equal work.

    Args:
        files: the corpus.
        text_field: see `FileRange`.
        range_bytes: a plain file is cut into ranges of this many bytes.
        unit_bytes: files are joined until they have this many bytes.

    Returns:
        Units of work. The records do not depend on how the work was cut.

    Raises:
        OSError: a file cannot be read.
        ValueError: a Parquet file has no such column.
    """
    units: list[list[FileRange]] = []
    unit: list[FileRange] = []
    size = 0
    for file in files:
        for file_range, range_size in _ranges(file, text_field, range_bytes):
            unit.append(file_range)
            size += range_size
            if size >= unit_bytes:
                units.append(unit)
                unit, size = [], 0
    return [*units, unit] if unit else units


def _ranges(file: InputFile, text_field: str, range_bytes: int) -> Iterable[tuple[FileRange, int]]:
    is_compressed = byte_streams.sniff(file.path) is not None  # opens every file before the job
    if file.layout == "parquet":
        parquet.check_column(file.path, text_field)
    if is_compressed or file.layout in _UNDIVIDED or file.size <= range_bytes:
        return [(FileRange(file.path, file.layout, text_field=text_field), file.size)]
    ranges = []
    for start in range(0, file.size, range_bytes):
        stop = min(start + range_bytes, file.size)
        ranges.append((FileRange(file.path, file.layout, start, stop, text_field), stop - start))
    return ranges


def _parse(argument: str) -> tuple[str, str | None]:
    pattern, separator, layout = argument.rpartition("::")
    if not separator or _is_local_file(argument):
        return argument, None
    if layout not in LAYOUTS:
        raise ValueError(
            f"--input {argument}: expected a layout of {', '.join(LAYOUTS)} after '::', received "
            f"{layout!r}."
        )
    return pattern, layout


def _matching_files(pattern: str) -> list[str]:
    if _is_local_file(pattern):
        return [pattern]
    if storage.is_remote(pattern):
        return storage.list_files(pattern)
    return storage.list_files(_with_folders_literal(pattern)) or storage.list_files(pattern)


def _is_local_file(path: str) -> bool:
    return not storage.is_remote(path) and os.path.isfile(path)


def _with_folders_literal(pattern: str) -> str:
    """Escapes the folders at the beginning of a pattern that exist by that very name."""
    folder, name = os.path.split(pattern)
    while folder and not os.path.isdir(folder):
        folder, step = os.path.split(folder)
        name = os.path.join(step, name)
    return os.path.join(glob.escape(folder), name)


def _layout_of(path: str, named: str | None) -> str:
    """Returns the layout the user named, else that of the content, else that of the name.

    Raises:
        ValueError: the file is of a kind that cannot be read, or not with the layout named.
    """
    stream = byte_streams.ByteStream(path)
    kind = file_kinds.kind_of(stream.beginning(), path)
    if kind is None or (named and (kind.is_text or kind.layout == named)):
        return named or _usual_layout(path)
    if kind.layout is None or (named and not kind.is_text):
        raise ValueError(_refusal(path, kind, named))
    if kind.layout == "parquet" and stream.compressed:
        raise ValueError(
            f"{path}: expected Parquet that is compressed inside alone, received a compressed file "
            "with Parquet in it. Decompress it."
        )
    return kind.layout


def _refusal(path: str, kind: FileKind, named: str | None) -> str:
    if named and kind.layout:
        return (
            f"{path}: expected a file of the layout {named}, received {kind.name}. Name the layout "
            f"{kind.layout}, or none."
        )
    advice = f"{kind.remedy}, or leave the file out of --input"
    if kind.is_text:
        advice += ". To use it as it stands, name a layout, such as --input PATH::line"
    return f"{path}: expected text, received {kind.name}. {advice}."


def _usual_layout(path: str) -> str:
    for layout, name in _USUAL_LAYOUTS.items():
        if name.search(path.lower()):
            return layout
    return "blank_line"


def _nothing_found(pattern: str) -> str:
    if not storage.is_remote(pattern) and os.path.isdir(pattern):
        return (
            f"--input {pattern}: expected files, but this is a folder. Name the files in it: "
            f"--input '{os.path.join(pattern, '*')}'."
        )
    return (
        f"--input {pattern}: expected a path or glob of at least one file, but nothing matches. "
        "Check the spelling, and quote the pattern so that the shell leaves it alone."
    )
