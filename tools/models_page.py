"""Writes docs/models.md from the shipped model configs: `make models`."""

from __future__ import annotations

from pathlib import Path

from antifaz.analysis.check.report import CheckReport, check
from antifaz.core.discovery import discover
from antifaz.core.experiment import read, shipped_names
from antifaz.registry import Plugins

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
FOLDER = "models/"
HEAD = """# Shipped models

Every row is a YAML under `configs/models/`, built and counted by `antifaz check models/NAME`; this page is written by `make
models`. Parameters are those of the whole graph, shared ones once. FLOPs are for the forward pass of one sample with every
output asked for, 2 for each multiply-add, attention by the pairs that the routing allows; where the source counted by another
convention, that count stands in brackets and is the one compared. The published figures are those of the source; a difference
stands beside them, and below the table what is known of its reason.

| model | parameters | published | difference | GFLOPs | published | difference | source |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
"""


def model_names() -> list[str]:
    """The shipped model configs, by the names that `antifaz check` takes."""
    return [name for name in shipped_names() if name.startswith(FOLDER)]


def row(name: str, report: CheckReport) -> str:
    """A line of the table."""
    cells = [name.removeprefix(FOLDER), f"{report.parameters:,}", "", "", f"{report.flops / 1e9:,.2f}", "", "", "ours"]
    if (published := report.published) is not None:
        cells[7] = published.source
        if published.parameters is not None:
            difference = report.parameters - published.parameters
            cells[2:4] = f"{published.parameters:,}", f"{difference:+,}" if difference else "0"
        if published.flops is not None:
            here = report.comparable_flops or report.flops
            cells[5:7] = f"{published.flops / 1e9:,.2f}", f"{100 * (here / published.flops - 1):+.1f} %"
            if report.convention is not None:
                cells[4] += f" ({here / 1e9:,.2f} by {report.convention})"
    return f"| {' | '.join(cells)} |\n"


def note(name: str, report: CheckReport) -> str:
    """What is known of the differences."""
    text = report.published.note if report.published is not None else ""
    return f"* {name.removeprefix(FOLDER)}: {text}\n" if text else ""


def page(plugins: Plugins) -> str:
    reports = {name: check(read(name, plugins)) for name in model_names()}
    rows, notes = ("".join(make(name, report) for name, report in reports.items()) for make in (row, note))
    return f"{HEAD}{rows}\n## Differences\n{notes}"


if __name__ == "__main__":
    PAGE.write_text(page(discover()), encoding="utf-8")
