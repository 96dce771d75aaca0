"""One dataclass of settings -> the flags of a command, its recipe section, and back.

A stage states each setting once, as a field: name, type, default, help. `add_flags` makes the
command's flags of the fields, `from_flags` the settings of what was given, and `to_flags` writes
settings as flags, which is how a recipe reaches a command.

    @dataclasses.dataclass(frozen=True)
    class Settings:
        max_seq_length: int = setting(128, "tokens in a record")
        bins: str = setting("", "pad to these lengths, such as 64,128", metavar="LENGTHS")

A field without help is no flag; whoever makes the settings gives its value.
"""

from __future__ import annotations

import argparse
import dataclasses
import types
import typing
from collections.abc import Sequence
from typing import Any, TypeVar

_TRUE = ("true", "1", "yes")
_FALSE = ("false", "0", "no")
_METAVARS = {int: "N", float: "X", bool: "BOOL", str: "TEXT"}
_UNSET = (None, "")  # as if the flag were not given

Settings = TypeVar("Settings")


def setting(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] = (),
    metavar: str | None = None,
    repeated: bool = False,
) -> Any:
    """Returns a dataclass field that is also a flag.

    Args:
        default: the one default of flag, recipe section and dataclass. None or "" mean that the
            setting is decided elsewhere, and `help` says where.
        help: what the flag's help says; the default is added to it.
        choices: the values allowed, or none for all of the field's type.
        metavar: what the help shows in place of the value; by default a letter for its type.
        repeated: the flag may be repeated; its values are joined by commas.
    """
    metadata = {"help": help, "choices": choices, "metavar": metavar, "repeated": repeated}
    return dataclasses.field(default=default, metadata=metadata)


def add_flags(parser: argparse.ArgumentParser, cls: type) -> None:
    """Adds a flag `--NAME` for each field of the dataclass `cls` that was made by `setting`."""
    hints = typing.get_type_hints(cls)
    for field in _flagged(cls):
        parser.add_argument(f"--{field.name}", **_argument(field, hints[field.name]))


def from_flags(cls: type[Settings], flags: argparse.Namespace, **others: Any) -> Settings:
    """Returns the settings that were given as flags.

    Args:
        cls: a dataclass whose flags `add_flags` has added, or a base of it.
        flags: parsed.
        **others: fields that are no flags, and what replaces a flag.

    Raises:
        ValueError: from `cls`, a value out of its range.
    """
    values = {field.name: _value(field, getattr(flags, field.name)) for field in _flagged(cls)}
    return cls(**{**values, **others})


def to_flags(settings: Any) -> list[str]:
    """Returns `--NAME value ...`, which a command reads back as these settings."""
    flags = []
    for field in _flagged(type(settings)):
        value = getattr(settings, field.name)
        if value not in _UNSET:  # a shell would lose the empty word
            flags += [f"--{field.name}", _text(value)]
    return flags


def boolean(default: bool | None) -> dict[str, Any]:
    """Returns argparse settings of a flag that is given alone or with true or false."""
    return {"type": _parse_boolean, "nargs": "?", "const": True, "default": default}


def _flagged(cls: type) -> list[dataclasses.Field]:
    return [field for field in dataclasses.fields(cls) if "help" in field.metadata]


def _argument(field: dataclasses.Field, hint: Any) -> dict[str, Any]:
    """The settings of `add_argument` for one field."""
    text = field.metadata["help"]
    if field.default not in _UNSET:
        text += f" (default {_text(field.default)})"
    kind = _kind(hint)
    metavar = field.metadata["metavar"] or _METAVARS[kind]
    if kind is bool:
        return {**boolean(field.default), "help": text, "metavar": metavar}
    argument = {"help": text, "default": field.default, "type": kind}
    if field.metadata["repeated"]:
        argument |= {"action": "append", "default": None}
    if field.metadata["choices"]:
        argument["choices"] = field.metadata["choices"]
    else:
        argument["metavar"] = metavar
    return argument


def _kind(hint: Any) -> type:
    """The type of `X` and of `X | None`."""
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    return hint


def _value(field: dataclasses.Field, given: Any) -> Any:
    if field.metadata["repeated"]:
        return ",".join(given) if given else field.default
    return given


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parse_boolean(text: str) -> bool:
    if text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    raise argparse.ArgumentTypeError(f"expected true or false, received {text!r}")
