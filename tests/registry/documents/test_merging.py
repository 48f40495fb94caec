"""The laws of merging, of overriding, and of writing YAML, on random documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antifaz.registry import Location, Problem, load_document, write_yaml
from antifaz.registry.documents.overrides import override
from antifaz.registry.documents.tree import (
    DeleteNode,
    Entry,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    deletions,
    dotted,
    leaves,
    merge,
    plain,
)
from antifaz.registry.documents.yaml_text import read_yaml

KEYS = st.sampled_from(["a", "b", "c", "use", "pooled.audio"])
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n\t\x85"), max_size=12)
WORDS = st.sampled_from(
    ["no", "1", "3e-4", "null", "true", "~", "", "<<", "${env:X}", "$${", "!delete", "*a", "- x", "0x1", ".inf"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT | WORDS


def documents(keys: st.SearchStrategy[str], scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(keys, v, max_size=4), max_leaves=12)
    return st.dictionaries(keys, values, max_size=5)


SMALL = documents(KEYS, st.integers(0, 2))


def tree(value: Any, file: str = "f") -> Node:
    where = Location(file, 1, 1)
    if isinstance(value, dict):
        return MapNode({key: Entry(where, tree(item, file)) for key, item in value.items()}, where)
    if isinstance(value, list):
        return ListNode(tuple(tree(item, file) for item in value), where)
    return ScalarNode(value, where)


def reference(base: Any, over: Any) -> Any:
    """The rules once more, on plain data."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    if "use" in base and "use" in over and base["use"] != over["use"]:
        return over
    return {**base, **{key: reference(base[key], item) if key in base else item for key, item in over.items()}}


@given(SMALL, SMALL)
def test_merging_follows_the_rules(base: Any, over: Any) -> None:
    assert plain(merge(tree(base), tree(over))) == reference(base, over)


@given(SMALL, SMALL)
def test_merging_again_changes_nothing(base: Any, over: Any) -> None:
    once = merge(tree(base), tree(over))
    assert plain(merge(once, tree(over))) == plain(once)
    assert plain(merge(tree({}), once)) == plain(merge(once, tree({}))) == plain(once)


@given(SMALL, SMALL)
def test_every_value_keeps_the_place_that_set_it(base: Any, over: Any) -> None:
    written = {path: plain(node) for path, node in leaves(tree(over))}
    for path, node in leaves(merge(tree(base, "base"), tree(over, "over"))):
        if node.location.file == "over":
            assert written[path] == plain(node)
        else:
            assert path not in written or plain(node) == {}


@given(SMALL, st.sampled_from(["a", "b"]))
def test_a_deletion_removes_what_is_there_and_stays_where_nothing_is(base: Any, key: str) -> None:
    where = Location("over", 1, 1)
    merged = merge(tree(base), MapNode({key: Entry(where, DeleteNode(where))}, where))
    assert plain(merged) == {name: value for name, value in base.items() if name != key}
    assert [path for path, _ in deletions(merged)] == ([] if key in base else [(key,)])


@given(documents(st.text(max_size=4).filter(str.isprintable), SCALARS))
def test_what_is_written_reads_back_as_the_same(data: Any) -> None:
    problems: list[Problem] = []
    node = read_yaml(write_yaml(data), lambda mark: Location("f", mark.line + 1), problems)
    assert not problems
    assert node is not None
    assert same(plain(node), data)


def same(left: Any, right: Any) -> bool:
    """Equality that tells 1, 1.0 and true apart."""
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


@given(SMALL, SMALL.filter(lambda value: "use" not in value))
def test_an_override_reaches_every_path(base: Any, over: Any) -> None:
    for path, _ in leaves(tree(base)):
        if path:
            problems: list[Problem] = []
            changed = override(tree(base), f"{dotted(path)}=word", problems)
            assert not problems
            found = plain(changed)
            for step in path[:-1] if path[-1] == "use" else path:
                found = found[step]
            assert (found.get("use") if isinstance(found, dict) else found) == "word"


@given(SMALL, st.text(max_size=20))
def test_any_text_is_an_override_or_a_located_problem(base: Any, text: str) -> None:
    problems: list[Problem] = []
    changed = override(tree(base), text, problems)
    assert (plain(changed) == base) if problems else True
    assert all(str(problem).startswith(f"command line: {text}") for problem in problems)


@given(st.text(max_size=60) | st.text(alphabet="ab:{}[],&*!'\"|>-# \n\t", max_size=60))
def test_any_text_is_yaml_or_a_located_problem(text: str) -> None:
    problems: list[Problem] = []
    node = read_yaml(text, lambda mark: Location("f", mark.line + 1, mark.column + 1), problems)
    if node is not None:
        plain(node)
    assert all(problem.location is not None and problem.location.line >= 1 for problem in problems)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["''", "/", "..", "x" * 400, r'"a\0b"', "x/" * 200, "${env:NOT_SET_ANYWHERE}"])
def test_no_name_of_a_file_makes_a_traceback(folder: Path, name: str) -> None:
    (folder / "a.yaml").write_text(f"extends: {name}\n")
    assert {problem.location.line for problem in load_document("a.yaml").problems} == {1}
    assert load_document(name).problems


def test_a_file_that_two_bases_extend_counts_once(folder: Path) -> None:
    (folder / "base.yaml").write_text("x: 1\ny: 1\n")
    (folder / "left.yaml").write_text("extends: base.yaml\nx: 2\n")
    (folder / "right.yaml").write_text("extends: base.yaml\ny: 2\n")
    (folder / "a.yaml").write_text("extends: [left.yaml, right.yaml]\n")
    assert load_document("a.yaml").data == {"x": 2, "y": 2}


def test_a_tower_of_extends_ends_quickly(folder: Path) -> None:
    for level in range(18):
        (folder / f"{level}.yaml").write_text(f"extends: [{level + 1}.yaml, {level + 1}.yaml]\n")
    (folder / "18.yaml").write_text("x: 1\n")
    document = load_document("0.yaml")
    assert document.data == {"x": 1}
    assert len(document.files) == 19


def test_a_stage_deletes_what_the_graph_has(folder: Path) -> None:
    (folder / "a.yaml").write_text("graph: {a: {use: x}, b: {use: y}}\nstages:\n  s:\n    graph: {a: !delete , c: !delete }\n")
    document = load_document("a.yaml", overlays=[("stages", "*", "graph")])
    assert not document.problems
    view = document.at("graph").overlay(document.at("stages", "s", "graph"))
    assert view.data == {"b": {"use": "y"}}
    (problem,) = view.unmatched()
    assert (problem.location.line, "no c to delete" in problem.message) == (4, True)


def test_a_null_overlay_changes_nothing(folder: Path) -> None:
    (folder / "a.yaml").write_text("graph: {a: {use: x}}\nstages: {s: {graph: }}\n")
    document = load_document("a.yaml")
    assert document.at("graph").overlay(document.at("stages", "s", "graph")).data == {"a": {"use": "x"}}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("n.b=1", {"n": {"b": 1}}),
        ("l.0=!delete", {"l": [{"use": "b"}]}),
        ("l.0.size=4", {"l": [{"use": "a", "size": 4}, {"use": "b"}]}),
        ("l.0={size: 4}", {"l": [{"use": "a", "size": 4}, {"use": "b"}]}),
        ("l.0.use=b", {"l": [{"use": "b"}, {"use": "b"}]}),
        ("m={use: routes}", {"m": {"use": "routes"}}),
        ("m=", {"m": None}),
    ],
)
def test_overrides_merge_by_the_rules(folder: Path, text: str, result: dict[str, Any]) -> None:
    start = {"n": None, "l": [{"use": "a", "size": 3}, {"use": "b"}], "m": "zorro"}
    (folder / "a.yaml").write_text(write_yaml(start))
    document = load_document("a.yaml", [text])
    assert not document.problems
    assert document.data == {**start, **result}


@pytest.mark.parametrize(
    "text", ["", "=", "a", "a..b=1", ".a=1", "a.=1", "extends=b.yaml", "m.x=1", "l.2=1", "l.²=1", "l.x=1", "n=[1"]
)
def test_an_override_that_makes_no_sense_is_told(folder: Path, text: str) -> None:
    (folder / "a.yaml").write_text("n: ~\nl: [1, 2]\nm: zorro\n")
    document = load_document("a.yaml", [text])
    (problem,) = document.problems
    assert str(problem.location) == f"command line: {text}"
    assert document.data == {"n": None, "l": [1, 2], "m": "zorro"}


def test_a_key_below_a_component_name_comes_with_the_way_to_write_it(folder: Path) -> None:
    (folder / "a.yaml").write_text("graph: {encoder: {mask: zorro}}\n")
    (problem,) = load_document("a.yaml", ["graph.encoder.mask.x=1"]).problems
    assert problem.hint is not None
    assert "graph.encoder.mask={use: zorro, x: ...}" in problem.hint
