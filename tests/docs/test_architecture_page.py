"""docs/architecture.md: every place that it names exists, and every room is on it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.test_imports import ORDER

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.partition("## I want to change")[2], re.M)
PLACES = {what: re.findall(r"`([^`]+)`", place) for what, place in ROWS if "`" in place}


def test_every_change_has_one_place_that_exists() -> None:
    assert len(PLACES) >= 20
    assert {what: place for what, place in PLACES.items() if len(place) != 1} == {}
    assert [place for (place,) in PLACES.values() if not exists(place)] == []


def exists(place: str) -> bool:
    path = ROOT / place
    return path.is_dir() if place.endswith("/") else path.is_file()


def test_the_picture_has_the_import_order() -> None:
    (chain,) = re.findall(r"^    (registry --> .*)$", PAGE, re.M)
    assert chain.split(" --> ") == list(ORDER)


def test_every_room_is_on_the_page() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"tests", "benchmarks", "docs", "tools"}
    named = set(re.findall(r"`(\w+)/`", PAGE.partition("## I want to change")[0]))
    assert sorted(rooms - named) == []


def test_other_pages_name_places_that_exist() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    rooms = "registry|core|data|engine|analysis|report|testing|cli|plugins|configs|api|tests|tools|benchmarks|docs"
    named = {
        (page.name, place) for page in pages for place in re.findall(rf"`((?:{rooms})/[\w./-]+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert sorted(each for each in named if not (ROOT / each[1]).exists()) == []
