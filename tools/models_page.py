"""Writes docs/models.md from the shipped model configs: `make models`."""

from __future__ import annotations

from pathlib import Path

from flop_conventions import CONVENTIONS, node_flops

from antifaz.analysis.check.report import CheckReport, check
from antifaz.configs import shipped_names
from antifaz.core.discovery import discover
from antifaz.core.experiment import Experiment, read
from antifaz.registry import Plugins

PAGE = Path(__file__).parents[1] / "docs" / "models.md"
FOLDER = "models/"
HEAD = """# Shipped models

Every row is a YAML under `configs/models/`, built and counted by `antifaz check models/NAME`; this page is written by `make
models`. Parameters are those of the whole graph, shared ones once. FLOPs are for the forward pass of one sample with every
output asked for, 2 for each multiply-add, attention by the pairs that the routing allows; where the source counted by another
convention, that count stands in brackets and is the one compared (`tools/flop_conventions.py`). The published figures are those
of the source; a difference stands beside them, and below the table what is known of its reason.

| model | parameters | published | difference | GFLOPs | published | difference | source |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |
"""


def model_names() -> list[str]:
    """List the shipped model configs, by the names that `antifaz check` takes."""
    return [name for name in shipped_names() if name.startswith(FOLDER)]


def row(name: str, experiment: Experiment, report: CheckReport) -> str:
    """Return a model's line of the table."""
    cells = [name.removeprefix(FOLDER), f"{report.parameters:,}", "", "", f"{report.flops / 1e9:,.2f}", "", "", "ours"]
    if (published := report.published) is not None:
        cells[7] = published.source
        if published.parameters is not None:
            difference = report.parameters - published.parameters
            cells[2:4] = f"{published.parameters:,}", f"{difference:+,}" if difference else "0"
        if published.flops is not None:
            flops = comparable_flops(experiment, report)
            cells[5:7] = f"{published.flops / 1e9:,.2f}", f"{100 * (flops / published.flops - 1):+.1f} %"
            if published.counted_by:
                cells[4] += f" ({flops / 1e9:,.2f} by {published.counted_by})"
    return f"| {' | '.join(cells)} |\n"


def comparable_flops(experiment: Experiment, report: CheckReport) -> int:
    """Count the FLOPs that the published ones are compared with: by the convention of the source, where it has one."""
    if report.published is None or not report.published.counted_by:
        return report.flops
    if (convention := report.published.counted_by) not in CONVENTIONS:
        raise SystemExit(f"{report.name}: unknown FLOP convention {convention!r}; known conventions: {', '.join(CONVENTIONS)}")
    return sum(node_flops(experiment.wiring, convention).values())


def note(name: str, report: CheckReport) -> str:
    """Return what is known of the differences, as a line of the list below the table."""
    text = report.published.note if report.published is not None else ""
    return f"* {name.removeprefix(FOLDER)}: {text}\n" if text else ""


def page(plugins: Plugins) -> str:
    """Return the whole page."""
    rows, notes = "", ""
    for name in model_names():
        experiment = read(name, plugins)
        report = check(experiment)
        rows += row(name, experiment, report)
        notes += note(name, report)
    return f"{HEAD}{rows}\n## Differences\n{notes}"


if __name__ == "__main__":
    PAGE.write_text(page(discover()), encoding="utf-8")
