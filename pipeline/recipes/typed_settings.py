"""Nested settings, as YAML gives them, to frozen dataclasses: unknown keys and types are errors."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping


def build(cls, settings: Mapping, where: str, prefix: str = ""):
    """Returns the dataclass `cls` with nested `settings`; what they leave out has its default.

    Args:
      cls: every field has a default, whose type a setting must have.
      settings: key -> value, or section -> settings.
      where: file that the settings come from, for errors.
      prefix: section that they belong to, with a dot.

    Raises:
      ValueError: an unknown key, which names the nearest known one, a value of another type, or
        one that `cls` refuses.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(
            f"'{prefix.rstrip('.')}' in {where} must be a section of settings, "
            f"received {settings!r}."
        )
    fields = {field.name: field for field in dataclasses.fields(cls)}
    kinds = typing.get_type_hints(cls)
    values = {}
    for key, value in settings.items():
        if key not in fields:
            nearest = difflib.get_close_matches(str(key), fields, n=1)
            hint = f" Did you mean '{prefix}{nearest[0]}'?" if nearest else ""
            raise ValueError(
                f"Unknown key '{prefix}{key}' in {where}.{hint} Known keys: {', '.join(fields)}."
            )
        default, named = fields[key].default, _named_sections(kinds[key])
        if dataclasses.is_dataclass(default):
            values[key] = build(type(default), value or {}, where, f"{prefix}{key}.")
        elif named:
            values[key] = _build_each(named, value, where, f"{prefix}{key}.")
        else:
            values[key] = _typed(value, kinds[key], f"{prefix}{key}", where)
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(_with_keys(str(error), fields, prefix)) from error


def _with_keys(message: str, fields: Mapping, prefix: str) -> str:
    """Names the settings in a command's message as a recipe does: `--batch_size` by its key."""
    return re.sub(
        r"--(\w+)", lambda flag: f"{prefix}{flag[1]}" if flag[1] in fields else flag[0], message
    )


def _named_sections(kind) -> type | None:
    """The dataclass X of a field `Mapping[str, X]`, whose sections have names of their own."""
    kinds = typing.get_args(kind) if typing.get_origin(kind) is Mapping else ()
    return kinds[1] if kinds and dataclasses.is_dataclass(kinds[1]) else None


def _build_each(cls, sections, where: str, prefix: str) -> dict:
    if not isinstance(sections, Mapping):
        raise ValueError(
            f"'{prefix.rstrip('.')}' in {where} must hold named sections, received {sections!r}."
        )
    built = {}
    for name, settings in sections.items():
        try:
            built[name] = build(cls, settings or {}, where, f"{prefix}{name}.")
        except ValueError as error:
            raise ValueError(f"{prefix}{name}: {error}") from error
    return built


def _typed(value, expected: type | types.UnionType, key: str, where: str):
    if isinstance(expected, types.UnionType):  # of a type and None
        if value is None:
            return None
        expected = next(kind for kind in typing.get_args(expected) if kind is not type(None))
    if expected is float and isinstance(value, str):
        # YAML reads 1e-4 (no dot) as a string.
        try:
            return float(value)
        except ValueError:
            pass
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not expected:
        raise ValueError(f"'{key}' in {where} must be {expected.__name__}, received {value!r}.")
    return value
