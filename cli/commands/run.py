"""`antifaz run`: every stage of an experiment, and its results as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from antifaz.cli.options import Config, Overrides, PluginFiles, console, read_experiment
from antifaz.registry import ConfigError, Problem

if TYPE_CHECKING:
    from antifaz.report.results import Table as Results


def run(
    config: Config,
    overrides: Overrides = None,
    folder: Annotated[Path | None, typer.Option("--run", help="run folder; default runs/NAME")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    fresh: Annotated[bool, typer.Option("--fresh", help="throw away what the run folder holds")] = False,
    plugin: PluginFiles = None,
) -> None:
    """Run every stage of an experiment, or go on with a run that was stopped."""
    experiment = read_experiment(config, overrides, plugin)
    if not experiment.stages:
        raise ConfigError([Problem("there is nothing to run", experiment.document.location(("stages",)), "add `stages:`")])
    from antifaz.analysis.check.report import check
    from antifaz.core import collectives
    from antifaz.engine.run import run_experiment
    from antifaz.report.results import tables

    report = check(experiment, data=False)
    root = folder or Path("runs") / experiment.name
    finished = run_experiment(experiment, root, device=device, fresh=fresh)
    if collectives.is_main() and not finished.console.quiet:
        for table in tables(finished.folder.read_results()):
            console.print(results_table(table))
        name, path, events = (escape(str(x)) for x in (experiment.name, finished.folder.results, finished.folder.events))
        results = f" Results: {path}" if finished.folder.results.exists() else ""
        console.print(f"{name}: {report.parameters:,} parameters.{results}", soft_wrap=True)
        if any(finished.folder.events.glob("events.out.tfevents.*")):
            console.print(f"Curves: tensorboard --logdir {events}", highlight=False, soft_wrap=True)


def results_table(results: Results) -> Table:
    """Lay out one metric of one evaluation: a row for each figure, a column for each set of given modalities."""
    table = Table(title=escape(f"{results.stage}: {results.metric}"), title_justify="left")
    table.add_column("output")
    for given in results.columns:
        table.add_column(escape(f"given {given}"), justify="right")
    for name, cells in results.rows.items():
        table.add_row(escape(name), *("-" if cell is None else cell.text for cell in cells))
    return table
