"""The results of a run as tables for people."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table


def tables(results: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]]) -> list[Table]:
    """A table for each metric of each evaluate stage: a row for each figure, a column for each set of given modalities."""
    made = []
    for stage, by_given in results.items():
        for metric in dict.fromkeys(key for metrics in by_given.values() for key in metrics):
            columns = {given: metrics[metric] for given, metrics in by_given.items() if metric in metrics}
            made.append(_table(f"{stage}: {metric}", columns))
    return made


def _table(title: str, columns: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("output")
    for given in columns:
        table.add_column(f"given {given}", justify="right")
    for row in dict.fromkeys(name for figures in columns.values() for name in figures if not name.endswith("_samples")):
        table.add_row(row, *(f"{figures[row]:.1f}" if row in figures else "-" for figures in columns.values()))
    return table
