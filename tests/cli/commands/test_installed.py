"""`antifaz components` and `antifaz plugins`."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from antifaz.cli.app import app


def test_a_component_has_its_kind_its_plugin_and_a_summary() -> None:
    rows = json.loads(CliRunner().invoke(app, ["components", "--json"]).stdout)
    vit = next(row for row in rows if row["name"] == "vit")
    assert (vit["kind"], vit["plugin"]) == ("backbone", "vit")
    assert len({(row["kind"], row["name"]) for row in rows}) == len(rows)
    table = CliRunner().invoke(app, ["components"]).stdout
    assert all(row["name"] in table for row in rows)


def test_a_plugin_of_a_file_is_listed_and_one_that_fails_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from antifaz.registry import hookimpl\n\n\n@hookimpl\ndef antifaz_components():\n    return []\n")
    rows = json.loads(CliRunner().invoke(app, ["plugins", "--json", "-p", str(path)]).stdout)
    assert all(row["error"] is None for row in rows)
    assert any("mine" in row["name"] for row in rows)
    path.write_text("1 / 0\n")
    assert "ZeroDivisionError" in str(CliRunner().invoke(app, ["plugins", "-p", str(path)]).exception)
