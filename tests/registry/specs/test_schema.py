"""Schemas of types: they say what the structurer says, of every kind of value."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import attrs
import jsonschema
import pytest

from antifaz.core.kinds import KINDS
from antifaz.registry import (
    Catalogue,
    Location,
    Structurer,
    View,
    at_least,
    between,
    component,
    flatten,
    option,
    positive,
    slot,
    zero_to_below_one,
)
from antifaz.registry.documents.tree import with_locations
from antifaz.registry.specs.schema import SchemaWriter
from antifaz.registry.specs.schema_forms import json_text


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@slot(KINDS["mask"])
class Mask(Protocol):
    pass


@attrs.frozen(kw_only=True)
class Span:
    seconds: float = option(validator=positive, doc="how long")
    at: Literal["start", "end"] = option(default="start", doc="where")


@component("mask", "plain")
@attrs.frozen(kw_only=True)
class Plain:
    """Nothing to set but a size."""

    size: int = option(default=1, validator=between(1, 3), doc="how large")


@component("mask", "needy")
@attrs.frozen(kw_only=True)
class Needy:
    inner: Mask = option(doc="a mask again")


@component("mask", "free")
@attrs.frozen(kw_only=True)
class Free:
    rows: Mapping[str, tuple[str, ...]] = flatten()


@attrs.frozen(kw_only=True)
class Entry:
    """A mask with a weight."""

    weight: float = option(default=1.0, validator=at_least(0), doc="factor")
    mask: Mask = flatten()


@attrs.frozen(kw_only=True)
class Named:
    """A mask with a weight, or its name alone."""

    weight: float = option(default=1.0, validator=at_least(0), doc="factor")
    mask: Mask = flatten(alone=True)


@attrs.frozen(kw_only=True)
class Perhaps:
    shared: str | None = option(default=None, doc="")
    mask: Mask | None = flatten(default=None)


def holder(type_: Any, **more: Any) -> type:
    return attrs.make_class("Holder", {"x": attrs.field(type=type_, default=None, **more)}, kw_only=True, frozen=True)


TYPES: tuple[Any, ...] = (
    int, float, str, bool, Any, int | None, str | int, Literal["a", "b"], Literal["a"] | None, Literal[1, 2], Colour, Colour | bool,
    tuple[int, ...], tuple[int, int], tuple[int, str], tuple[tuple[int, ...], ...], int | tuple[int, ...], Mapping[str, float],
    str | tuple[str, ...] | Mapping[str, str] | None, tuple[str, ...] | Mapping[str, str], tuple[str, ...] | tuple[int, ...] | None,
    Span, Span | None, Span | float, Mapping[str, Span], tuple[Span, ...],
    Mask, Mask | None, Mask | int, tuple[Mask, ...], Mapping[str, Mask], Entry, Mapping[str, Entry], Perhaps,
    Named, Named | None, Named | int, tuple[Named, ...], Mapping[str, Named],
)  # fmt: skip
SCALARS: tuple[Any, ...] = (None, True, 0, 1, 2, -1, 7, 4.5, -0.5, "", "a", "red", "plain", "needy", "free", "nobody")
MAPPINGS: tuple[Any, ...] = (
    {}, {"a": 1}, {"a": "b"}, {"seconds": 2}, {"seconds": 2, "at": "end"}, {"seconds": 2, "at": "middle"}, {"seconds": 0},
    {"at": "end"}, {"use": "plain"}, {"use": "plain", "size": 3}, {"use": "plain", "size": 4}, {"use": "plain", "sise": 3},
    {"use": "nobody"}, {"use": 1}, {"use": "needy"}, {"use": "needy", "inner": "plain"}, {"use": "needy", "inner": "needy"},
    {"use": "needy", "inner": {"use": "free"}}, {"use": "free", "a": ["b"]}, {"use": "free", "a": [1]}, {"size": 2}, {"weight": 1},
    {"use": "plain", "weight": 2}, {"use": "plain", "weight": -1}, {"use": "plain", "weight": 1, "size": 2},
    {"shared": "a"}, {"use": "plain", "shared": "a"}, {"shared": "a", "size": 1},
)  # fmt: skip
LISTS: tuple[Any, ...] = (
    [], [1], [1, 2], [1, "a"], ["a"], [1, 2, 3], [[1]], [None], ["plain"], ["needy"], [{"use": "plain"}], [{"seconds": 1}],
)  # fmt: skip
VALUES = (*SCALARS, *MAPPINGS, *LISTS, *({"a": value} for value in (*MAPPINGS, [1], None)))


@pytest.fixture
def catalogue() -> Catalogue:
    made = Catalogue(KINDS)
    made.add([Plain, Needy, Free], "tests")
    return made


def reads(catalogue: Catalogue, type_: type, data: Any) -> bool:
    problems: list[Any] = []
    view = View(with_locations(data, Location("here", 1, 1)))
    Structurer(catalogue).structure(data, type_, view, (), problems)
    return not problems


def accepts(catalogue: Catalogue, type_: type, part: bool = False) -> Any:
    writer = SchemaWriter(catalogue)
    schema = {**writer.spec(type_, part), "$defs": writer.definitions}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_it_says_what_the_structurer_says(catalogue: Catalogue, type_: Any) -> None:
    holding = holder(type_)
    whole, part = accepts(catalogue, holding), accepts(catalogue, holding, part=True)
    for value in VALUES:
        read = reads(catalogue, holding, {"x": value})
        assert whole({"x": value}) == read, value
        assert part({"x": value}) or not read, value
    assert whole({"x": "${env:X}"}) or not any(reads(catalogue, holding, {"x": scalar}) for scalar in SCALARS)
    assert part({"x": ""}) and part({"x": None}), "as an editor sees `!delete`"  # noqa: PT018


@pytest.mark.parametrize("check", [positive, zero_to_below_one, at_least(1), between(0, 2)])
@pytest.mark.parametrize("type_", [int, float | None, tuple[float, ...], Mapping[str, float]], ids=str)
def test_bounds_are_stated(catalogue: Catalogue, check: Any, type_: Any) -> None:
    holding = holder(type_, validator=check)
    whole = accepts(catalogue, holding)
    numbers = (-1, 0, 1, 2, 3)
    for value in (*numbers, *([a, b] for a, b in itertools.product(numbers, numbers)), *({"a": n} for n in numbers)):
        assert whole({"x": value}) == reads(catalogue, holding, {"x": value}), value


def test_a_converted_value_has_no_stated_bounds(catalogue: Catalogue) -> None:
    assert accepts(catalogue, holder(int, validator=positive, converter=abs))({"x": -3})


def test_descriptions_defaults_and_classes_of_one_name(catalogue: Catalogue) -> None:
    writer = SchemaWriter(catalogue)
    other = attrs.make_class("Span", {"x": attrs.field(type=int, default=3)})
    assert writer.spec(Span) == {"$ref": "#/$defs/span"}
    assert writer.spec(other) == {"$ref": "#/$defs/span-2"}
    assert writer.definitions["span"]["properties"]["at"]["default"] == "start"
    assert writer.definitions["span"]["properties"]["seconds"]["description"] == "how long"
    assert writer.definitions["span-2"]["properties"]["x"]["default"] == 3
    writer.form(Mask)
    assert writer.definitions["mask.plain"]["description"] == "Nothing to set but a size."
    assert writer.definitions["mask"]["examples"] == ["free", "plain"]


def test_text_of_json_fits_lines() -> None:
    assert json_text({"a": [1, 2]}) == '{"a": [1, 2]}'
    assert json_text({"a": [1, 2], "b": {}}, width=12) == '{\n "a": [\n  1,\n  2\n ],\n "b": {}\n}'
