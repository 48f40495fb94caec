"""`antifaz new`: the skeleton of a plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from antifaz.cli.options import console


def new(
    name: Annotated[str, typer.Argument(help="of the distribution, in lower case")],
    kind: Annotated[list[str], typer.Option("--kind", help="backbone, tokenizer, mask, objective or dataset; may be repeated")],
    folder: Annotated[Path, typer.Option(help="where to put it")] = Path("."),
) -> None:
    """Write a plugin of your own: a distribution with its tests, which pass at once."""
    from antifaz.cli.new.skeleton import write_skeleton

    for path in write_skeleton(name, kind, folder):
        console.print(escape(str(path)), highlight=False, soft_wrap=True)
    console.print(
        escape(f"next: cd {folder / name} && pip install --editable '.[test]' && pytest"), highlight=False, soft_wrap=True
    )
