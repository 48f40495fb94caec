"""`antifaz new`: the skeleton of a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from antifaz.cli.options import console
from antifaz.core.kinds import KINDS


def new(
    name: Annotated[str, typer.Argument(help="of the distribution, in lower case")],
    kind: Annotated[list[str], typer.Option("--kind", help=f"{', '.join(KINDS)}; may be repeated")],
    folder: Annotated[Path, typer.Option(help="where to put it")] = Path("."),
) -> None:
    """Write a plugin of your own: a distribution with its tests, which pass at once."""
    from antifaz.cli.new.skeleton import write_skeleton

    files = write_skeleton(name, kind, folder)
    package = folder / name / "src" / name.replace("-", "_")
    steps = {
        f"cd {folder / name} && pip install --editable '.[test]' && pytest": "the tests pass at once",
        f"edit {package / kind[0]}.py": "what can be set; the modules beside it do the work, examples.py is what the tests run",
        "antifaz plugins": "lists it from now on; README.md has YAML that uses it",
    }
    lines = [*map(str, files), "", "next:", *(f"  {step}    # {why}" for step, why in steps.items())]
    for line in lines:
        console.print(escape(line), highlight=False, soft_wrap=True)
