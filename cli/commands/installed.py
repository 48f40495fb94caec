"""`antifaz components` and `antifaz plugins`: everything that is installed."""

from __future__ import annotations

import attrs
from rich.markup import escape
from rich.table import Table

from antifaz.cli.options import AsJson, PluginFiles, console, print_json
from antifaz.core.discovery import discover


def components(as_json: AsJson = False, plugin: PluginFiles = None) -> None:
    """List everything that `use:` can name."""
    catalogue = list(discover(plugin or []).catalogue)
    if as_json:
        print_json([{"name": c.name, "kind": c.kind.name, "plugin": c.owner, "summary": c.summary} for c in catalogue])
        return
    table = Table("kind", "name", "plugin", "what it is")
    for component in sorted(catalogue, key=lambda c: (c.kind.name, c.name)):
        table.add_row(component.kind.name, component.name, component.owner, component.summary)
    console.print(table)


def plugins(as_json: AsJson = False, plugin: PluginFiles = None) -> None:
    """List the plugins, and those that could not be loaded with the reason."""
    rows = discover(plugin or []).rows
    if as_json:
        print_json([attrs.asdict(row) for row in rows])
        return
    table = Table("plugin", "distribution", "version", "components", "state")
    for row in rows:
        state = "ok" if row.error is None else f"[red]{escape(row.error)}[/]"
        table.add_row(*map(escape, (row.name, row.distribution, row.version, ", ".join(row.components))), state)
    console.print(table)
