"""Fields of specs: their documentation, their bounds, and the field whose keys stand among the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from antifaz.registry.errors import SpecError

Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def option(
    *,
    doc: str,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    validator: Check | None = None,
    was: str | None = None,
    unwritten: Any = None,
) -> Any:
    """A field of a spec: a key of its YAML mapping. A trailing underscore of the field's name is not part of the key (`in_`).

    was: an earlier name of the key, for the message to those who still use it.
    unwritten: what a mapping without the key stands for, as YAML would say it: the name of a component, whose class need not be
        imported here. Instead of a default.
    """
    metadata = {"doc": doc, "was": was, "unwritten": unwritten}
    if factory is not None:
        return attrs.field(factory=factory, validator=validator, metadata=metadata)
    return attrs.field(default=default, validator=validator, metadata=metadata)


def flatten(default: Any = attrs.NOTHING, *, alone: bool = False) -> Any:
    """A field without a key of its own: its keys stand beside those of the other fields, and it takes all that are not theirs.

    It holds a component that is built from them, or a mapping of them.

    alone: the name of the component alone stands for a mapping that holds nothing else.
    """
    return attrs.field(default=default, metadata={"flatten": True, "alone": alone})


def key_of(field: attrs.Attribute[Any]) -> str:
    """Return the YAML key of a field."""
    return field.name.removesuffix("_")


@attrs.frozen
class Bounds:
    """A check that the value, or every entry of a list or mapping, lies in an interval; the schema states it too. None passes."""

    low: float
    high: float
    words: str
    above: bool = False
    """True: `low` itself is refused."""
    below: bool = False
    """True: `high` itself is refused."""

    def __call__(self, _: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if not all(self.holds(each) for each in _numbers(value)):
            raise SpecError(f"`{key_of(field)}` must be {self.words}, not {value}", field=key_of(field))

    def holds(self, number: float) -> bool:
        over = self.low < number if self.above else self.low <= number
        return over and (number < self.high if self.below else number <= self.high)


def at_least(low: float) -> Bounds:
    """Require the value, or every entry of a list or mapping, to be `low` or more. None passes."""
    return Bounds(low, math.inf, f"at least {low:g}")


def between(low: float, high: float) -> Bounds:
    """Require the value, or every entry of a list or mapping, to lie in [low, high]. None passes."""
    return Bounds(low, high, f"between {low:g} and {high:g}")


positive = Bounds(0, math.inf, "above 0", above=True)
"""The value, or every entry of a list or mapping, must be above 0. None passes."""

zero_to_below_one = Bounds(0, 1, "at least 0 and below 1", below=True)
"""The value, or every entry of a list or mapping, must be at least 0 and below 1. None passes."""

above_zero_to_one = Bounds(0, 1, "above 0 and at most 1", above=True)
"""The value, or every entry of a list or mapping, must be above 0 and at most 1. None passes."""


def _numbers(value: Any) -> list[float]:
    if value is None:
        return []
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, tuple | list) else [value]
