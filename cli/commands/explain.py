"""`antifaz explain`: where every value of a config came from."""

from __future__ import annotations

import json

from rich.markup import escape

from antifaz.cli.options import Config, Overrides, PluginFiles, console, read_experiment


def explain(config: Config, overrides: Overrides = None, plugin: PluginFiles = None) -> None:
    """Print every resolved value with the file and line that it came from."""
    for key, value, where in read_experiment(config, overrides, plugin).document.origins():
        line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
        console.print(f"{escape(line)}  [dim]{escape(str(where))}[/]", highlight=False, soft_wrap=True)
