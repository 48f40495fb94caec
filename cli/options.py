"""Arguments and options that several commands take, and where they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from antifaz.core.discovery import discover

if TYPE_CHECKING:
    from antifaz.core.experiment import Experiment

console = Console()

Config = Annotated[str, typer.Argument(help="a YAML file, or the bare name of a shipped config")]
Overrides = Annotated[list[str] | None, typer.Argument(help="changes: stages.train.steps=50 graph.encoder.mask=joint")]
PluginFiles = Annotated[list[Path] | None, typer.Option("--plugin", "-p", help="a Python file with a plugin")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def read_experiment(config: str, overrides: list[str] | None, plugins: list[Path] | None) -> Experiment:
    """Read and validate a config under overrides, with the installed plugins and these files.

    Raises:
        ConfigError: every mistake of the config, with its place.
        PluginError: a file that is not a plugin.
    """
    from antifaz.core.experiment import read

    return read(config, discover(plugins or []), overrides or [])


def print_json(data: Any) -> None:
    """Print plain data on standard output, for programs."""
    print(json.dumps(data, indent=2))
