"""Fields of specs: their documentation, their checks in words, and the field that takes what is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from .errors import SpecError

Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def option(
    *,
    doc: str,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    validator: Check | None = None,
) -> Any:
    """A field of a spec: a key of its YAML mapping. A trailing underscore of the field's name is not part of the key (`in_`)."""
    metadata = {"doc": doc}
    if factory is not None:
        return attrs.field(factory=factory, validator=validator, metadata=metadata)
    return attrs.field(default=default, validator=validator, metadata=metadata)


def rest(default: Any = attrs.NOTHING) -> Any:
    """The field that takes all keys which are no other field's: a component built from them, or a mapping of them."""
    return attrs.field(default=default, metadata={"rest": True})


def key_of(field: attrs.Attribute[Any]) -> str:
    """The YAML key of a field."""
    return field.name.removesuffix("_")


def at_least(low: float) -> Check:
    """The value, or every entry of a list, must be `low` or more. None passes."""

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if any(each < low for each in _numbers(value)):
            raise SpecError(f"`{key_of(field)}` must be at least {low:g}, not {value}", field=key_of(field))

    return check


def positive(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """The value, or every entry of a list, must be above 0. None passes."""
    if any(each <= 0 for each in _numbers(value)):
        raise SpecError(f"`{key_of(field)}` must be above 0, not {value}", field=key_of(field))


def between(low: float, high: float) -> Check:
    """The value, or every entry of a list, must lie in [low, high]. None passes."""

    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if any(not low <= each <= high for each in _numbers(value)):
            raise SpecError(f"`{key_of(field)}` must be between {low:g} and {high:g}, not {value}", field=key_of(field))

    return check


def fraction(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    """The value, or every entry of a list, must be at least 0 and below 1. None passes."""
    if any(not 0 <= each < 1 for each in _numbers(value)):
        raise SpecError(f"`{key_of(field)}` must be at least 0 and below 1, not {value}", field=key_of(field))


def _numbers(value: Any) -> list[float]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, tuple | list) else [value]
