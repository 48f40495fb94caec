"""Every module of core, layers, data, engine and analysis has a test file of its own name at the mirrored place."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("core", "layers", "data", "engine", "analysis")


def test_modules_have_their_tests() -> None:
    modules = {path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*.py") if path.name != "__init__.py"}
    alone = {str(path) for path in modules if not (ROOT / "tests" / path.with_name(f"test_{path.name}")).is_file()}
    assert sorted(alone) == []
