"""`antifaz report`: the page of one run, or of several in comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from antifaz.cli.options import PluginFiles, console


def report(
    runs: Annotated[list[Path], typer.Argument(help="run folders: one to renew its report, several to compare them")],
    output: Annotated[Path | None, typer.Option(help="the page; default in the run folder, of a comparison report.html")] = None,
    plugin: PluginFiles = None,
) -> None:
    """Write the report of a run anew, or one page that compares several runs."""
    if len(runs) == 1:
        from antifaz.report.page import write_report

        page = write_report(runs[0], plugins=plugin or [], output=output)
    else:
        from antifaz.report.comparison import write_comparison

        page = write_comparison(runs, output or Path("report.html"))
    console.print(f"report: {escape(str(page))}", highlight=False, soft_wrap=True)
