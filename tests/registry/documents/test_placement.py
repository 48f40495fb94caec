"""Entries of a section that name their place among those that a file extends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from antifaz.registry import Document, load_document

Write = Callable[..., Document]
BASE = "steps: {one: {x: 1}, two: {x: 2}, three: {x: 3}}\n"


@pytest.fixture
def over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Read files that lie over each other and over the base, with overrides."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "0.yaml").write_text(BASE)

    def read(*texts: str, overrides: tuple[str, ...] = ()) -> Document:
        for number, text in enumerate(texts, start=1):
            Path(f"{number}.yaml").write_text(f"extends: {number - 1}.yaml\n{text}")
        return load_document(f"{len(texts)}.yaml", overrides, ordered={"steps": "step"})

    return read


@pytest.mark.parametrize(
    ("entries", "order"),
    [
        ("new: {x: 4}", "one two three new"),
        ("new: {before: one}", "new one two three"),
        ("new: {after: one}", "one new two three"),
        ("new: {after: three}", "one two three new"),
        ("a: {before: two}, b: {before: two}, c: {after: two}, d: {after: two}", "one a b two c d three"),
        ("a: {after: b}, b: {before: two}, c: {before: a}", "one b c a two three"),
        ("one: {after: two}", "two one three"),
        ("one: !delete , new: {before: two}", "new two three"),
    ],
)
def test_entries_are_placed(over: Write, entries: str, order: str) -> None:
    document = over(f"steps: {{{entries}}}\n")
    assert document.problems == []
    assert list(document.data["steps"]) == order.split()
    assert not any({"before", "after"} & set(entry) for entry in document.data["steps"].values())


def test_a_place_counts_where_it_is_written(over: Write) -> None:
    """A later file places its own entries beside those, and may move them again; so may an override."""
    first, second = "steps: {a: {before: two}}\n", "steps: {b: {before: a}, a: {x: 5}}\n"
    assert list(over(first, second).data["steps"]) == ["one", "b", "a", "two", "three"]
    assert list(over(first, "steps: {a: {after: three}}\n").data["steps"]) == ["one", "two", "three", "a"]
    document = over(first, overrides=("steps.c={after: one}", "steps.a.after=c"))
    assert list(document.data["steps"]) == ["one", "c", "a", "two", "three"]


def test_what_is_written_down_has_the_order_and_the_values_keep_their_places(over: Write, tmp_path: Path) -> None:
    document = over("steps:\n  new:\n    before: two\n    x: 9\n")
    again = tmp_path / "again.yaml"
    again.write_text(document.text)
    assert list(load_document(again, ordered={"steps": "step"}).data["steps"]) == ["one", "new", "two", "three"]
    assert [(key, str(place)) for key, _, place in document.origins() if key.startswith("steps.new")] == [
        ("steps.new.x", "1.yaml:5:8")
    ]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("new: {before: tow}", "1.yaml:2:23: unknown step 'tow'\n    did you mean 'two'? known steps: one, three, two"),
        ("new: {before: one, after: two}", "'new' cannot be both `before` and `after`\n    leave one of them out"),
        ("new: {before: 3}", "1.yaml:2:23: `before` takes the name of a step"),
        ("new: {before: new}", "the places of these steps go round in a circle: 'new' before 'new'"),
        ("a: {before: b}, b: {after: a}", "go round in a circle: 'a' before 'b', 'b' after 'a'"),
    ],
)
def test_places_that_cannot_be_are_told_once(over: Write, entries: str, message: str) -> None:
    document = over(f"steps: {{{entries}}}\n", "steps: {one: {x: 2}}\n")
    (problem,) = document.problems
    assert message in str(problem)
    assert set(document.data["steps"]) >= {"one", "two", "three"}


def test_sections_that_are_no_mappings_are_left_to_others(over: Write) -> None:
    assert over("steps: 3\n").data == {"steps": 3}
    assert over("steps: {one: 3}\n").data["steps"]["one"] == 3
