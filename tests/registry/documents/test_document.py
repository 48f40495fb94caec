"""YAML documents: YAML 1.2 scalars, merging, overrides, and the place of every value and mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from antifaz.registry import load_document, write_yaml


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "a.yaml") -> Path:
        (tmp_path / name).write_text(text)
        return Path(name)

    return write


def test_scalars_mean_what_yaml_1_2_says(config) -> None:
    data = load_document(config("a: 3e-4\nb: no\nc: 12:30:00\nd: true\ne: 0x10\nf: '1'\ng: ~\nh: 010\n")).data
    assert data == {"a": 3e-4, "b": "no", "c": "12:30:00", "d": True, "e": 16, "f": "1", "g": None, "h": 10}


def test_extends_merges_and_a_new_use_replaces(config) -> None:
    config("m: {use: a, x: 1}\nn: {use: a, x: 1}\nl: [1, 2]\ngone: 1\n", "base.yaml")
    document = load_document(config("extends: base.yaml\nm: {use: b}\nn: {y: 2}\nl: [3]\ngone: !delete\n"))
    assert not document.problems
    assert document.data == {"m": {"use": "b"}, "n": {"use": "a", "x": 1, "y": 2}, "l": [3]}
    assert str(document.location(("n", "x"))) == "base.yaml:2:16"
    assert str(document.location(("n", "y"))) == "a.yaml:3:8"


def test_overrides_reach_into_lists_and_say_where_they_come_from(config) -> None:
    document = load_document(config("a: {b: [{c: 1}]}\n"), ["a.b.0.c=2", "a.d={e: 3e-1}", "a.b.9.c=1"])
    assert document.data == {"a": {"b": [{"c": 2}], "d": {"e": 0.3}}}
    assert str(document.location(("a", "b", 0, "c"))) == "command line: a.b.0.c=2"
    (problem,) = document.problems
    assert "has no item '9'" in problem.message


def test_environment(config, monkeypatch) -> None:
    monkeypatch.setenv("WIDTH", "64")
    document = load_document(config("a: ${env:WIDTH}\nb: x-${env:WIDTH}\nc: ${env:NOTHING:-7}\nd: ${env:NOTHING}\n"))
    assert (document.data["a"], document.data["b"], document.data["c"]) == (64, "x-64", 7)
    assert [p.location.line for p in document.problems] == [4]


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: 1\na: 2\n", 2, "a"),
        ("a: [1\nb: 2\n", 2, ""),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("1: 2\n", 1, "key"),
        ("a: !delete\n", 1, "delete"),
        ("- 1\n", 1, "mapping"),
        ("extends: nothing.yaml\n", 1, "no such config"),
        ("extends: a.yaml\n", 1, "circle"),
    ],
)
def test_mistakes_are_located(config, text: str, line: int, word: str) -> None:
    problems = load_document(config(text)).problems
    assert problems
    assert problems[0].location.line == line
    assert word in str(problems[0])


def test_an_alias_bomb_ends_quickly(config) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert load_document(config("\n".join(lines))).problems


def test_written_yaml_reads_back(config) -> None:
    data = {"a": 1e-5, "b": "no", "c": "1", "d": [1, {"e": None}], "f": "3e-4", "g": "true", "h": 2.0, "i": ""}
    assert load_document(config(write_yaml(data))).data == data
