"""What specs refuse by themselves is located, all of it; what plugins get wrong is said at discovery, in words."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from antifaz.core.discovery import discover
from antifaz.core.kinds import KINDS
from antifaz.registry import (
    Catalogue,
    Location,
    PluginError,
    SpecError,
    Structurer,
    View,
    component,
    flatten,
    load_document,
    option,
    positive,
    slot,
    write_yaml,
)
from antifaz.registry.documents.yaml_text import read_yaml

KEYS = st.sampled_from(["use", "in", "sizes", "more", "size", "sise", "in_"])


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def failing(error: Exception) -> Any:
    def check(_: Any, __: Any, value: Any) -> None:
        if value:
            raise error

    return check


@attrs.frozen(kw_only=True)
class Spec:
    first: int = option(default=1, validator=positive, doc="")
    second: int = option(default=1, validator=positive, doc="")
    third: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    in_: str = attrs.field(default="a", validator=attrs.validators.in_(["a", "b"]))
    number: float = option(default=1.0, doc="")
    level: Literal[1, 2] = option(default=1, doc="")
    colour: Colour = option(default=Colour.RED, doc="")
    pair: tuple[int, int] = option(default=(2, 2), doc="")
    broken: int = attrs.field(default=0, validator=failing(ZeroDivisionError("by zero")))
    copy: int = attrs.field(default=0, converter=abs)
    twice: int = attrs.field(default=attrs.Factory(lambda self: 2 * self.first, takes_self=True))

    def __attrs_post_init__(self) -> None:
        if 0 in self.pair:
            raise SpecError("a pair has no zero", field=f"pair.{self.pair.index(0)}", hint="take 1")
        if self.first == 7:
            raise KeyError("seven")


def structure(folder: Path, text: str) -> tuple[Spec | None, list[str]]:
    (folder / "a.yaml").write_text(text)
    document = load_document(folder / "a.yaml")
    problems = list(document.problems)
    made = Structurer(Catalogue(KINDS)).structure(document.data, Spec, document, (), problems)
    return made, [str(problem).removeprefix(f"{folder}/") for problem in problems]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("first: 0\nsecond: -1\n", ["a.yaml:1:8: `first` must be above 0, not 0", "a.yaml:2:9: `second` must be above 0, not -1"]),
        ("second: 2\nthird: 0\n", ["a.yaml:2:8: `third` must be >= 1, not 0"]),
        ("in: c\n", ["a.yaml:1:5: `in` must be in ['a', 'b'] (got 'c')"]),
        ("broken: 1\n", ["a.yaml:1:9: Spec fails on these options: ZeroDivisionError: by zero"]),
        ("second: 2\nfirst: 7\n", ["a.yaml:1:1: Spec fails on these options: KeyError: 'seven'"]),
        ("pair: [1, 0]\n", ["a.yaml:1:11: a pair has no zero\n    take 1"]),
        ("level: true\n", ["a.yaml:1:8: `level` must be one of 1, 2, not true\n    known values: 1, 2"]),
        ("level: 3\n", ["a.yaml:1:8: `level` must be one of 1, 2, not 3\n    known values: 1, 2"]),
        ("colour: rad\n", ["a.yaml:1:9: `colour` must be one of red, blue, not the text \"rad\"\n"
                           "    did you mean 'red'? known values: blue, red"]),
    ],
)  # fmt: skip
def test_refusals_stand_at_the_option(tmp_path: Path, text: str, told: list[str]) -> None:
    made, problems = structure(tmp_path, text)
    assert made is None
    assert problems == told


@pytest.mark.parametrize("value", ["1" + "0" * 400, "-1" + "0" * 400, "1e400", ".nan", "-.inf"])
def test_a_number_is_finite(tmp_path: Path, value: str) -> None:
    made, problems = structure(tmp_path, f"number: {value}\n")
    assert made is None
    assert [problem.partition(" ")[0] for problem in problems] == ["a.yaml:1:9:"]


def test_literals_and_enums_take_their_values(tmp_path: Path) -> None:
    made, problems = structure(tmp_path, "level: 2\ncolour: blue\ncopy: -3\nfirst: 4\n")
    assert not problems
    assert made == Spec(level=2, colour=Colour.BLUE, copy=3, first=4)
    assert made.twice == 8


@slot(KINDS["mask"])
class Slot(Protocol):
    pass


@component("mask", "plain")
@attrs.frozen(kw_only=True)
class Plain:
    size: int = option(default=1, doc="")


@pytest.mark.parametrize(("text", "size"), [("m: plain\n", 1), ("m: {use: plain, size: 3}\n", 3)])
def test_a_slot_is_structured_by_itself(tmp_path: Path, text: str, size: int) -> None:
    (tmp_path / "a.yaml").write_text(text)
    document, catalogue, problems = load_document(tmp_path / "a.yaml"), Catalogue(KINDS), []
    catalogue.add([Plain], "tests")
    assert Structurer(catalogue).structure(document.data["m"], Slot, document, ("m",), problems) == Plain(size=size)
    assert not problems


@attrs.frozen(kw_only=True)
class Entry:
    in_: str | tuple[str, ...] | None = option(default=None, doc="")
    sizes: Mapping[str, tuple[int, ...]] = option(factory=dict, doc="")
    more: tuple[Slot, ...] = option(default=(), doc="")
    spec: Slot | None = flatten(default=None)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["plain", "planes", "1", ""]),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(KEYS, value, max_size=4),
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_random_data_is_a_spec_or_a_located_problem(data: dict[str, Any]) -> None:
    catalogue, problems = Catalogue(KINDS), []
    catalogue.add([Plain], "tests")
    view = View(read_yaml(write_yaml(data), lambda mark: Location("f", mark.line + 1, mark.column + 1), problems))
    assert not problems
    made = Structurer(catalogue).structure(view.data, Entry, view, (), problems)
    assert (made is None) == bool(problems)
    assert all(problem.location.file == "f" and problem.location.line >= 1 for problem in problems)


HEAD = "from __future__ import annotations\nimport attrs, json\nfrom antifaz.registry import component, hookimpl\n"
SPEC = (
    "@component('mask', 'mine')\n@attrs.frozen\nclass Mine:\n    x: {}\n@hookimpl\ndef antifaz_components():\n    return [Mine]\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = = 1\n", r"SyntaxError: .*mine\.py:1\)$"),
        ("import json\njson.loads('{')\n", r"JSONDecodeError: .*mine\.py:2\)$"),
        ("raise SystemExit(3)\n", r"SystemExit: 3 \(.*mine\.py:1\)$"),
        ("x = 1\n", "implements no hook"),
        (HEAD + "@hookimpl\ndef antifaz_componets():\n    return []\n", "did you mean 'antifaz_components'"),
        (HEAD + "@hookimpl\ndef antifaz_components(all):\n    return []\n", r"'all'.* not be found|'all'.*hookspec"),
        (HEAD + "@hookimpl\ndef antifaz_components():\n    return [int]\n", "int.* is not a component"),
        (HEAD + "@hookimpl\ndef antifaz_components():\n    return 1 / 0\n", r"ZeroDivisionError: .*mine\.py:6\)$"),
        (HEAD + SPEC.format("Missing"), "the types of Mine cannot be resolved: name 'Missing' is not defined"),
        (HEAD + SPEC.format("set"), "Mine.x: no YAML value becomes a set"),
        (HEAD + SPEC.format("dict[int, str]"), "Mine.x: no YAML value becomes a dict"),
        (HEAD + SPEC.format("tuple"), "Mine.x: no YAML value becomes a tuple"),
    ],
)
def test_a_faulty_plugin_file_is_told_in_words(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "mine.py").write_text(text)
    with pytest.raises(PluginError, match=words) as caught:
        discover([tmp_path / "mine.py"])
    assert "\n" not in str(caught.value)
    assert "mine.py could not be loaded" in str(caught.value)


def test_a_file_named_twice_counts_once_and_a_taken_plugin_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.py", "zorro.py"):
        Path(name).write_text(HEAD + SPEC.format("int"))
    assert [row.name for row in discover(["mine.py", tmp_path / "mine.py"]).rows].count("mine") == 1
    with pytest.raises(PluginError, match="a plugin named 'zorro' is already loaded"):
        discover(["zorro.py"])
