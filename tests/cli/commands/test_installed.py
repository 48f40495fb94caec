"""`antifaz components` and `antifaz plugins`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app
from antifaz.registry import Plugins


def test_a_component_has_its_kind_its_plugin_and_a_summary() -> None:
    rows = json.loads(CliRunner().invoke(app, ["components", "--json"]).stdout)
    vit = next(row for row in rows if row["name"] == "vit")
    assert (vit["kind"], vit["plugin"]) == ("backbone", "vit")
    assert len({(row["kind"], row["name"]) for row in rows}) == len(rows)
    table = CliRunner().invoke(app, ["components"]).stdout
    assert all(row["name"] in table for row in rows)


def test_one_component_is_shown_with_its_options_and_an_example() -> None:
    shown = CliRunner().invoke(app, ["components", "info_nce"]).stdout
    page = json.loads(CliRunner().invoke(app, ["components", "info_nce", "--json"]).stdout)
    assert (page["kind"], page["plugin"]) == ("objective", "contrastive")
    assert page["doc"] in " ".join(shown.split())
    assert all(row["key"] in shown for row in page["options"])
    assert page["example"] in shown
    assert "`in:` fills left and right" in shown


def test_every_component_can_be_shown(plugins: Plugins) -> None:
    for component in plugins.catalogue:
        result = CliRunner().invoke(app, ["components", f"{component.kind.name}.{component.name}"])
        assert result.exit_code == 0, component.name
        assert component.name in result.stdout


def test_an_unknown_component_is_a_mistake_with_a_near_name() -> None:
    error = CliRunner().invoke(app, ["components", "tubelet"]).exception
    assert "did you mean 'tubelets'" in str(error)


def test_a_plugin_of_a_file_is_listed_and_one_that_fails_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from antifaz.registry import hookimpl\n\n\n@hookimpl\ndef antifaz_components():\n    return []\n")
    rows = json.loads(CliRunner().invoke(app, ["plugins", "--json", "-p", str(path)]).stdout)
    assert all(row["error"] is None for row in rows)
    assert any("mine" in row["name"] for row in rows)
    path.write_text("1 / 0\n")
    assert "ZeroDivisionError" in str(CliRunner().invoke(app, ["plugins", "-p", str(path)]).exception)
