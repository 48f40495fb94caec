"""`antifaz mask`: which stream reads which, as text and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from antifaz.cli.options import Config, Overrides, PluginFiles, console, read_experiment


def mask(
    config: Config,
    overrides: Overrides = None,
    png: Annotated[Path | None, typer.Option(help="write the picture here")] = None,
    plugin: PluginFiles = None,
) -> None:
    """Show who reads whom, node by node, as text and as a picture."""
    experiment = read_experiment(config, overrides, plugin)
    from antifaz.analysis.pictures import draw_routings, routed_nodes

    for node in routed_nodes(experiment.wiring):
        layers = list(dict.fromkeys(routing.text() for routing in node.routings))
        console.print(f"[bold]{node.name}[/] ({len(node.routings)} layer{'s' if len(node.routings) > 1 else ''})")
        for text in layers:
            console.print("  " + text.replace("\n", "\n  "), highlight=False)
    if png is not None:
        draw_routings(experiment.wiring, png)
        console.print(f"picture: {escape(str(png))}", soft_wrap=True)
