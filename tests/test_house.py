"""The limits of the house: the core stays small, files and folders stay readable at one sitting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("registry", "core", "layers", "data", "engine", "analysis", "report", "testing", "cli", "plugins", "api")
CORE = 3300
"""Lines of core, docstrings and blank lines included."""
FILE = 400
FOLDER = 10
"""Modules of a folder beside its __init__."""
VAGUE = {"utils", "util", "helpers", "helper", "misc", "common"}

FILES = {path: len(path.read_text(encoding="utf-8").splitlines()) for room in ROOMS for path in (ROOT / room).rglob("*.py")}


def test_the_core_is_small() -> None:
    assert sum(lines for path, lines in FILES.items() if path.relative_to(ROOT).parts[0] == "core") <= CORE


def test_no_file_is_long() -> None:
    assert {str(path.relative_to(ROOT)): lines for path, lines in FILES.items() if lines > FILE} == {}


def test_no_folder_is_crowded() -> None:
    modules = Counter(path.parent for path in FILES if path.name not in ("__init__.py", "__main__.py"))
    assert {str(folder.relative_to(ROOT)): count for folder, count in modules.items() if count > FOLDER} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_files_are_named_for_what_they_hold(room: str) -> None:
    assert not [path for path in FILES if path.relative_to(ROOT).parts[0] == room and path.stem in VAGUE]
