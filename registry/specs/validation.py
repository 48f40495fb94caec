"""What the checks of a spec refuse: every validator that does, and which option each refusal is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from antifaz.registry.errors import SpecError

Refusal = tuple[str | None, Exception]
"""The field whose validator refused, if one did, and what it raised."""


def refusals(spec: type, values: Mapping[str, Any]) -> list[Refusal]:
    """What each validator by itself says to these values: building the spec would stop at the first that refuses."""
    trial: Any = object.__new__(spec)
    fields = attrs.fields(spec)
    try:
        for field in fields:
            object.__setattr__(trial, field.name, _initial(field, values, trial))
    except Exception:
        return []  # a converter or a default failed, so there is nothing that a validator could be shown
    found: list[Refusal] = []
    for field in fields:
        try:
            if field.validator is not None:
                field.validator(trial, field, getattr(trial, field.name))
        except Exception as error:
            found.append((field.name, error))
    return found


def _initial(field: attrs.Attribute[Any], values: Mapping[str, Any], trial: Any) -> Any:
    value = values.get(field.name, field.default)
    if hasattr(value, "takes_self"):
        value = value.factory(trial) if value.takes_self else value.factory()
    if field.converter is None:
        return value
    convert: Any = field.converter
    takes_all = isinstance(convert, attrs.Converter)
    return convert(value, trial, field) if takes_all else convert(value)


_ATTRS_MESSAGE = re.compile(r"^'(?P<name>\w+)' (?P<words>.*)$", re.DOTALL)
_ATTRS_VALUE = re.compile(r"^(?P<words>must be .*?): (?P<value>[^:]*)$", re.DOTALL)


def blame(spec: type, name: str | None, error: Exception) -> tuple[tuple[str | int, ...], str, str | None]:
    """The path below the spec that a refusal is about, its message, and its hint."""
    if isinstance(error, SpecError):
        return _steps(error.field or name), error.message, error.hint
    message = str(error.args[0]) if error.args else ""
    if not isinstance(error, ValueError | TypeError) or not message:
        return _steps(name), f"{spec.__name__} fails on these options: {type(error).__name__}: {error}", None
    if found := _ATTRS_MESSAGE.match(message):  # attrs' own validators: 'depth' must be >= 1: 0
        name, words = name or found["name"], found["words"]
        value = _ATTRS_VALUE.match(words)
        said = f"{value['words']}, not {value['value']}" if value else words
        message = f"`{found['name'].removesuffix('_')}` {said}"
    return _steps(name), message, None


def _steps(field: str | None) -> tuple[str | int, ...]:
    """`patch.1` -> patch, 1; `in_` -> in."""
    steps = field.split(".") if field else []
    return tuple(int(step) if step.isdecimal() else step.removesuffix("_") for step in steps)
