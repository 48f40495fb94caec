"""Strict structuring: nothing is converted in silence, every mistake is located."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import attrs
import pytest

from antifaz.core.discovery import discover
from antifaz.core.interfaces import MaskPolicy
from antifaz.core.kinds import KINDS
from antifaz.registry import PluginError, Structurer, at_least, component, flatten, load_document, option
from antifaz.registry.plugins.components import Catalogue


@attrs.frozen(kw_only=True)
class Inner:
    x: int = option(doc="a number")


@attrs.frozen(kw_only=True)
class Outer:
    whole: int = option(default=1, validator=at_least(0), doc="")
    real: float = option(default=1.0, doc="")
    text: str = option(default="", doc="")
    flag: bool = option(default=False, doc="")
    choice: Literal["one", "two"] = option(default="one", doc="")
    pair: tuple[int, int] = option(default=(1, 2), doc="")
    many: tuple[float, ...] = option(default=(), doc="")
    maybe: int | None = option(default=None, doc="")
    either: str | tuple[str, ...] | Mapping[str, str] = option(default="", doc="")
    inner: Inner | None = option(default=None, doc="")
    in_: str = option(default="", doc="")


def structure(tmp_path: Path, text: str, type_: type = Outer, catalogue: Catalogue | None = None):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    document, problems = load_document(path), []
    made = Structurer(catalogue or Catalogue(KINDS)).structure(document.data, type_, document, (), problems)
    return made, problems


def test_what_fits_is_taken_as_it_is(tmp_path: Path) -> None:
    text = "whole: 3\nreal: 2\nmany: [1, 2.5]\npair: [3, 4]\nmaybe: null\neither: {a: b}\ninner: {x: 1}\nin: node\nchoice: two\n"
    made, problems = structure(tmp_path, text)
    assert not problems
    assert made == Outer(
        whole=3, real=2.0, many=(1.0, 2.5), pair=(3, 4), either={"a": "b"}, inner=Inner(x=1), in_="node", choice="two"
    )
    assert type(made.real) is float


@pytest.mark.parametrize(
    "line",
    ["whole: 4.5", 'whole: "16"', "whole: true", "real: fast", "real: .nan", "text: 1", "flag: 1", "flag: no", "choice: three",
     "pair: [1]", "pair: [1, 2, 3]", "many: 1", "many: [a]", "maybe: x", "either: 3", "inner: {x: a}", "inner: {}", "whole: -1",
     "hole: 1", "inner: {y: 1, x: 1}"],
)  # fmt: skip
def test_what_does_not_fit_is_refused_where_it_stands(tmp_path: Path, line: str) -> None:
    made, problems = structure(tmp_path, f"in: a\n{line}\n")
    assert made is None
    assert len(problems) == 1
    assert problems[0].location.line == 2


def test_all_mistakes_are_found(tmp_path: Path) -> None:
    _, problems = structure(tmp_path, "whole: 4.5\nflag: 1\nchoise: one\ninner: {x: a}\n")
    assert [p.location.line for p in sorted(problems, key=lambda p: p.location.line)] == [1, 2, 3, 4]
    assert any(p.hint and "'choice'" in p.hint for p in problems)


@component("mask", "mine")
@attrs.frozen(kw_only=True)
class Mine:
    size: int = option(doc="a size")


@attrs.frozen(kw_only=True)
class Routes:
    own: int = option(default=0, doc="")
    others: Mapping[str, int] = flatten()


def test_the_rest_takes_what_is_left(tmp_path: Path) -> None:
    made, problems = structure(tmp_path, "own: 1\na: 2\nb: 3\n", Routes)
    assert not problems
    assert made == Routes(own=1, others={"a": 2, "b": 3})


@attrs.frozen(kw_only=True)
class Slotted:
    mask: MaskPolicy = option(doc="")


@pytest.mark.parametrize("text", ["mask: nope\n", "mask: {size: 3}\n"])
def test_a_kind_without_components_is_said_to_have_none(tmp_path: Path, text: str) -> None:
    _, (problem,) = structure(tmp_path, text, Slotted)
    assert problem.hint == "no mask policy is installed; `-p FILE` adds those of a plugin file"


@component("mask", "wide", moved={"depth": "write `size` twice"})
@attrs.frozen(kw_only=True)
class Wide:
    size: int = option(doc="a size")


@pytest.mark.parametrize("entry", ["{use: wide, size: 1, depth: 3}", "{size: 1, depth: 3}"])
def test_a_component_says_what_became_of_a_key(tmp_path: Path, entry: str) -> None:
    catalogue = Catalogue(KINDS)
    catalogue.add([Wide], "first")
    _, (problem,) = structure(tmp_path, f"mask: {entry}\n", Slotted, catalogue)
    assert "write `size` twice" in problem.hint


def test_a_taken_name_names_both_owners() -> None:
    catalogue = Catalogue(KINDS)
    catalogue.add([Mine], "first")
    with pytest.raises(PluginError, match=r"'second'.*'first'"):
        catalogue.add([Mine], "second")


def test_a_plugin_file_joins_and_a_broken_one_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(
        "import attrs\nfrom antifaz.registry import component, hookimpl\n"
        "@component('mask', 'mine')\n@attrs.frozen(kw_only=True)\nclass Mine:\n    'A mask.'\n"
        "@hookimpl\ndef antifaz_components():\n    return [Mine]\n"
    )
    assert discover([good]).catalogue.find("mine", ["mask"]).owner == "good"
    bad.write_text("import nothing_of_that_name\n")
    with pytest.raises(PluginError, match=r"bad\.py.*nothing_of_that_name.*bad\.py:1"):
        discover([bad])
    clash = tmp_path / "clash.py"
    clash.write_text(good.read_text().replace("'mine'", "'zorro'"))
    with pytest.raises(PluginError, match=r"'clash'.*'zorro'"):
        discover([clash])


def test_an_installed_plugin_that_fails_is_a_row(monkeypatch) -> None:
    from importlib import metadata

    from antifaz.registry.plugins import discovery

    broken = metadata.EntryPoint("broken", "nothing_of_that_name", discovery.GROUP)
    found = discovery._entry_points()
    monkeypatch.setattr(discovery, "_entry_points", lambda: [*found, broken])
    plugins = discover()
    assert "nothing_of_that_name" in plugins.rows[-1].error
    with pytest.raises(PluginError, match="'broken' could not be loaded"):
        plugins.catalogue.find("zoro", ["mask"])


@component("mask", "inner")
@attrs.frozen(kw_only=True)
class Steps:
    """A mask."""

    steps: int = option(default=1, doc="")


@attrs.frozen(kw_only=True)
class Around:
    weight: int = option(default=1, doc="", was="share")
    mask: MaskPolicy = flatten()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("stesp", "did you mean 'steps'? known keys: steps"),
        ("wieght", "did you mean 'weight'? known keys: "),
        ("share", "it is called `weight` now"),
        ("zzz", "known keys: steps"),
    ],
)
def test_an_unknown_key_is_told_what_was_meant(tmp_path: Path, key: str, hint: str) -> None:
    catalogue = Catalogue(KINDS)
    catalogue.add([Steps], "test")
    (tmp_path / "a.yaml").write_text(f"use: inner\n{key}: 1\n")
    document, problems = load_document(tmp_path / "a.yaml"), []
    assert Structurer(catalogue).structure(document.data, Around, document, (), problems) is None
    (problem,) = problems
    assert problem.message == f"unknown key {key!r} of the mask policy 'inner'"
    assert (problem.location.line, problem.location.column) == (2, 1)
    assert problem.hint.startswith(hint)


@attrs.frozen(kw_only=True)
class Named:
    weight: int = option(default=1, doc="")
    mask: MaskPolicy = flatten(alone=True)


@attrs.frozen(kw_only=True)
class Several:
    masks: tuple[Named, ...] = option(doc="")


def test_an_entry_may_be_the_name_of_its_component_alone(tmp_path: Path) -> None:
    catalogue = Catalogue(KINDS)
    catalogue.add([Steps, Wide], "test")
    made, problems = structure(tmp_path, "masks: [inner, {use: inner, weight: 2, steps: 3}]\n", Several, catalogue)
    assert problems == []
    assert made == Several(masks=(Named(weight=1, mask=Steps(steps=1)), Named(weight=2, mask=Steps(steps=3))))
    _, problems = structure(tmp_path, "masks:\n  - wide\n  - iner\n  - 3\n", Several, catalogue)
    assert [(problem.location.line, problem.message) for problem in problems] == [
        (2, "the key 'size' of the mask policy 'wide' is missing"),
        (3, "unknown mask policy 'iner'"),
        (4, "this must be a mask policy, by name or as a mapping with `use`, not 3"),
    ]
