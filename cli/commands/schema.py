"""`antifaz schema`: the JSON Schema of configs."""

from __future__ import annotations

from antifaz.cli.options import PluginFiles
from antifaz.core.discovery import discover


def schema(plugin: PluginFiles = None) -> None:
    """Print the JSON Schema of configs, by which editors complete and check them."""
    from antifaz.cli.config_schema import config_schema
    from antifaz.registry.specs.schema_forms import json_text

    print(json_text(config_schema(discover(plugin or []).catalogue)))
