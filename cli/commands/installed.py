"""`antifaz components` and `antifaz plugins`: everything that is installed."""

from __future__ import annotations

from typing import Annotated

import attrs
import typer
from rich.markup import escape
from rich.table import Table

from antifaz.cli.options import AsJson, PluginFiles, console, print_json
from antifaz.core.discovery import discover
from antifaz.registry import Plugins

Name = Annotated[str | None, typer.Argument(help="of one component, or KIND.NAME: shows its options, with an example")]


def components(name: Name = None, as_json: AsJson = False, plugin: PluginFiles = None) -> None:
    """List everything that `use:` can name, or show one component: its options, with an example."""
    plugins = discover(plugin or [])
    if name is not None:
        _show(name, plugins, as_json)
        return
    if as_json:
        print_json([{"name": c.name, "kind": c.kind.name, "plugin": c.owner, "summary": c.summary} for c in plugins.catalogue])
        return
    table = Table("kind", "name", "plugin", "what it is")
    for component in sorted(plugins.catalogue, key=lambda c: (c.kind.name, c.name)):
        table.add_row(*map(escape, (component.kind.name, component.name, component.owner, component.summary)))
    console.print(table)


def _show(name: str, plugins: Plugins, as_json: bool) -> None:
    """Print one component as its page in docs/reference has it."""
    from antifaz.cli.reference.components import component_page, find_component

    page = component_page(find_component(name, plugins), plugins)
    if as_json:
        print_json(attrs.asdict(page))
        return
    console.print(f"[bold]{escape(page.name)}[/], {escape(page.kind)} of the plugin {escape(page.plugin)}", highlight=False)
    console.print(escape(page.doc), highlight=False)
    if page.arguments:
        console.print(f"\n`in:` fills {' and '.join(page.arguments)}", highlight=False)
    if page.options:
        table = Table("option", "type", "default", "what it is")
        for row in page.options:
            what = f"{row.doc} ({row.bounds})" if row.bounds else row.doc
            table.add_row(*map(escape, (row.key, row.type, row.default, what)))
        console.print(table)
    if page.example:
        console.print(f"\n{escape(page.example)}", highlight=False, soft_wrap=True)
    for verb, values in (("takes", page.arriving), ("gives", page.leaving)):
        for key, words in values.items():
            console.print(escape(f"{verb} {key}: {words}" if key else f"{verb} {words}"), highlight=False, soft_wrap=True)


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
