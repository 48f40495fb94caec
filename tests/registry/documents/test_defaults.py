"""Defaults of a section lie under its entries, and every value keeps the place where it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.registry import Document, load_document

SECTIONS = {"data": "data_defaults"}
BASE = """\
data_defaults:
  use: clips
  size: 8
  more: {a: 1, b: 2}
data:
  first: {split: one}
  second: {split: two, size: 16, more: {b: 3}}
"""


def load(folder: Path, *overrides: str, text: str = BASE, over: str | None = None) -> Document:
    (folder / "base.yaml").write_text(text)
    (folder / "over.yaml").write_text(over or "extends: base.yaml\n")
    return load_document(folder / "over.yaml", overrides, defaults=SECTIONS)


def test_entries_have_what_they_do_not_say(tmp_path: Path) -> None:
    document = load(tmp_path)
    assert document.problems == []
    assert document.data == {
        "data": {
            "first": {"use": "clips", "size": 8, "more": {"a": 1, "b": 2}, "split": "one"},
            "second": {"use": "clips", "size": 16, "more": {"a": 1, "b": 3}, "split": "two"},
        }
    }


def test_every_value_knows_where_it_was_written(tmp_path: Path) -> None:
    lines = {key: where.line for key, _, where in load(tmp_path).origins()}
    assert lines["data.first.size"] == 3
    assert lines["data.second.size"] == 7
    assert lines["data.second.more.a"] == 4


def test_another_use_takes_nothing_from_below(tmp_path: Path) -> None:
    for change in ("data: {second: {use: folder, root: x}}", "data: {third: {use: folder, root: x}}"):
        name = change[7:].partition(":")[0]
        assert load(tmp_path, over=f"extends: base.yaml\n{change}\n").data["data"][name] == {"use": "folder", "root": "x"}
    assert load(tmp_path, "data.first={use: folder, root: x}").data["data"]["first"] == {"use": "folder", "root": "x"}


def test_later_files_and_overrides_change_the_defaults(tmp_path: Path) -> None:
    over = "extends: base.yaml\ndata_defaults: {size: 9}\ndata: {third: {split: three}}\n"
    found = load(tmp_path, "data_defaults.more.a=5", over=over).data["data"]
    assert {name: entry["size"] for name, entry in found.items()} == {"first": 9, "second": 16, "third": 9}
    assert {entry["more"]["a"] for entry in found.values()} == {5}


def test_an_entry_may_delete_a_default(tmp_path: Path) -> None:
    document = load(tmp_path, "data.first.size=!delete")
    assert document.problems == []
    assert "size" not in document.data["data"]["first"]
    (problem,) = load(tmp_path, "data.first.sise=!delete").problems
    assert "did you mean 'size'" in problem.hint


def test_what_was_read_is_read_again_as_the_same(tmp_path: Path) -> None:
    document = load(tmp_path, "data.first.size=!delete")
    assert load(tmp_path, text=document.text).data == document.data


def test_an_entry_may_be_called_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "data.defaults.split=three").data["data"]["defaults"]["size"] == 8


@pytest.mark.parametrize("value", ["3", "[1]", "text"])
def test_defaults_are_a_mapping(tmp_path: Path, value: str) -> None:
    (problem,) = load(tmp_path, text=f"data_defaults: {value}\ndata: {{a: {{use: clips}}}}\n").problems
    assert "`data_defaults` must be a mapping" in problem.message
    assert problem.location.line == 1


@pytest.mark.parametrize(
    "text", ["data_defaults: {sise: 3}\n", "data_defaults: {sise: 3}\ndata: {}\n", "data_defaults: {sise: 3}\ndata:\n"]
)
def test_defaults_that_no_entry_takes_are_refused(tmp_path: Path, text: str) -> None:
    (problem,) = load(tmp_path, text=text).problems
    assert "no entry of `data` takes `data_defaults`" in problem.message
    assert problem.location.line == 1


@pytest.mark.parametrize("text", ["data_defaults: {}\n", "data_defaults:\n"])
def test_defaults_may_be_empty(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text=text).problems == []
