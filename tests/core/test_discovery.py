"""Discovery: every shipped plugin is there, a file joins, and a broken one is told."""

from __future__ import annotations

import tomllib
from pathlib import Path

import attrs
import pytest

from antifaz.core.discovery import discover
from antifaz.core.kinds import KINDS
from antifaz.registry import PluginError, Plugins, component

ROOT = Path(__file__).parents[2]
MINE = """
import attrs
from antifaz.registry import component, hookimpl
@component('mask', 'mine')
@attrs.frozen
class Mine:
    '''A mask.'''
@hookimpl
def antifaz_components():
    return [Mine]
"""


def test_every_entry_point_of_the_project_is_loaded(plugins: Plugins) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["antifaz"]
    rows = {row.name: row for row in plugins.rows}
    assert declared.keys() <= rows.keys()
    assert {name: rows[name].error for name in declared if rows[name].error} == {}


def test_every_folder_of_a_plugin_has_its_entry_point() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["antifaz"]
    folders = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    assert {place.rpartition(".")[2] for place in declared.values() if place.startswith("antifaz.plugins.")} == folders


def test_a_file_joins_with_its_components(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    found = discover([path]).catalogue.find("mine", ["mask"])
    assert found.kind is KINDS["mask"]


@pytest.mark.parametrize(("text", "words"), [(MINE.replace("'mine'", "'zorro'"), "'zorro'"), ("1 / 0", "division")])
def test_a_file_that_cannot_join_is_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(PluginError, match=words):
        discover([path])


def test_component_classes_join_from_python() -> None:
    @component("mask", "held")
    @attrs.frozen
    class Held:
        """A mask."""

    installed = discover(components=[Held])
    assert installed.catalogue.find("held", ["mask"]).spec is Held
    assert installed.rows[-1].components == ("held",)
    with pytest.raises(PluginError, match=r"the given components cannot be used: .*'zorro'"):
        discover(components=[component("mask", "zorro")(attrs.make_class("Other", []))])
