"""docs/python.md: every block of code runs, in order, in an empty folder."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

import antifaz
from tests.support.pages import DOCS, blocks


def test_every_block_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    page = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page)
    for language, text, file in blocks("python.md"):
        if file:
            Path(file).write_text(text)
        else:
            assert language == "python", "a block that nothing runs"
            exec(compile(text, "docs/python.md", "exec"), vars(page))
    names = vars(page)
    assert names["heard"].outputs.keys() == {"labels.audio"}
    said = capsys.readouterr().out
    assert "did you mean 'audio'?" in said
    assert "{'video': 'file', 'audio': 'file', 'path': 'file'}" in said
    made = names["Pairs"](root="none").sample_of({"imu": [[0.0] * 16] * 3}).load(0, 0)
    assert made.entries["audio"] is None
    assert made.entries["imu"].shape == (3, 16)
    refused = names["Pairs"](root="none").sample_of({"imu": [0.0] * 47}).load(0, 0)
    assert refused.problem.startswith("the array cannot be read as 'imu': ")
    assert all(isinstance(values, list) for values in names["heard"].outputs.values())


def test_the_table_has_every_name_of_the_package() -> None:
    text = (DOCS / "python.md").read_text(encoding="utf-8")
    assert [name for name in antifaz.__all__ if f"`{name}(" not in text] == []
