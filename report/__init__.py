"""The report of a run: one page that explains it, and one that holds several runs side by side. Self-contained HTML.

A plugin like any other, on the hook that ends a run.
"""

from __future__ import annotations

from typing import Any

from antifaz.core.interfaces import RunContext
from antifaz.registry import hookimpl


@hookimpl(trylast=True)
def antifaz_run_end(run: RunContext, results: dict[str, Any]) -> None:
    """Write the page of a run that is over, after what other plugins do then. A page that fails must not fail the run."""
    from rich.markup import escape

    try:
        from .page import write_report

        run.say(f"Report: {escape(str(write_report(run.root, experiment=run.experiment)))}")
    except Exception as error:
        run.say(f"[yellow]the report could not be written: {escape(f'{type(error).__name__}: {error}')}[/]")
