"""`antifaz schema` prints the schema of the installed plugins."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from antifaz.cli.app import app
from antifaz.cli.config_schema import config_schema
from antifaz.registry import Plugins


def test_the_printed_schema_is_that_of_the_catalogue(plugins: Plugins) -> None:
    printed = json.loads(CliRunner().invoke(app, ["schema"]).stdout)
    assert printed == json.loads(json.dumps(config_schema(plugins.catalogue)))
    assert printed["title"] == "Antifaz experiment"
