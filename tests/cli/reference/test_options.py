"""Rows of options: every key with its type in words, its default as YAML and its bounds."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any, Literal

import attrs
import pytest

from antifaz.cli.reference.options import OptionRow, as_yaml, option_rows, type_in_words
from antifaz.core.interfaces import DecoderSpec, MaskPolicy, NodeSpec
from antifaz.registry import at_least, flatten, option, positive


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen(kw_only=True)
class Inner:
    seconds: float = option(validator=positive, doc="how long")
    again: tuple[Inner, ...] = option(default=(), doc="inner ones")


@attrs.frozen(kw_only=True)
class Outer:
    width: int = option(default=4, validator=at_least(1), doc="of it")
    in_: str | None = option(default=None, doc="where from")
    clip: Inner = option(default=Inner(seconds=2.0), doc="a span")
    parts: Mapping[str, Inner] = option(factory=dict, doc="by name")
    mask: MaskPolicy = option(unwritten="zorro", doc="who reads whom")
    rest: DecoderSpec = flatten()


def test_keys_are_listed_with_those_below_them() -> None:
    rows = {row.key: row for row in option_rows(Outer)}
    assert list(rows) == [
        "width", "in", "clip", "clip.seconds", "clip.again", "parts", "parts.NAME.seconds", "parts.NAME.again", "mask", "use"
    ]  # fmt: skip
    assert rows["width"] == OptionRow(key="width", type="integer", kinds=(), default="4", bounds="at least 1", doc="width of it")
    assert (rows["in"].type, rows["in"].default) == ("text or null", "null")
    assert (rows["clip"].type, rows["clip"].default) == ("mapping", "{seconds: 2.0}")
    assert rows["clip.seconds"].default == "required"
    assert (rows["mask"].kinds, rows["mask"].default) == (("mask",), "zorro")
    assert (rows["use"].kinds, rows["use"].default) == (("decoder",), "required")


def test_keys_of_classes_apart_are_left_out() -> None:
    assert [row.key for row in option_rows(Outer, apart=[Inner])] == ["width", "in", "clip", "parts", "mask", "use"]


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (int, "integer"),
        (float | None, "number or null"),
        (Any, "anything"),
        (Literal["a", "b"], "one of a, b"),
        (Literal["train"], "train"),
        (Colour, "one of red, blue"),
        (tuple[int, int, int], "list of 3: integer"),
        (tuple[int, str], "list of 2: integer, text"),
        (tuple[tuple[str, ...], ...], "list of list of text"),
        (Mapping[str, bool], "mapping of names to true or false"),
        (MaskPolicy, "mask"),
        (NodeSpec, "any graph node"),
        (tuple[DecoderSpec, ...], "list of decoder"),
        (Inner | str, "mapping or text"),
    ],
)
def test_types_in_words(type_: Any, words: str) -> None:
    assert type_in_words(type_) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (4.0, "4.0"), ("", '""'), ("a, b", "'a, b'"), ("1", '"1"'), ((), "[]"), ({}, "{}"),
        ((1, (2, "x")), "[1, [2, x]]"), ({"a": {"b": None}}, "{a: {b: null}}"),
        (Colour.RED, "red"), (Inner(seconds=1.0), "{seconds: 1.0}"),
    ],
)  # fmt: skip
def test_defaults_are_yaml(value: Any, text: str) -> None:
    assert as_yaml(value) == text
