"""Results as tables: for each metric of each evaluation a row for each output, a column for each set of given modalities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

SAMPLES = "_samples"
"""A figure called NAME_samples says on how many samples the figure NAME was computed, and stands beside it."""


@attrs.frozen
class Cell:
    """value: as in results.json. samples: on how many, where that is known. better: of all runs, in a comparison."""

    value: float
    samples: int | None = None
    better: bool = False

    @property
    def text(self) -> str:
        return number(self.value)


@attrs.frozen
class Table:
    """rows: figure -> a cell for each column, None where the column has no such figure."""

    stage: str
    metric: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[Cell | None, ...]]


def number(value: float) -> str:
    """Write a number with about three significant digits, as a person compares it."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    size = abs(value)
    if value == int(value) and size < 1e9:
        return f"{int(value):,}"
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def percent(value: float) -> str:
    """Write a share of one as a percentage."""
    return f"{100 * value:.1f} %"


def tables(results: Mapping[str, Any]) -> list[Table]:
    """Lay out results: stage -> given modalities -> metric -> figure -> value."""
    laid_out = []
    for stage, by_given in results.items():
        for metric in dict.fromkeys(key for metrics in by_given.values() for key in metrics):
            columns = {given: metrics[metric] for given, metrics in by_given.items() if metric in metrics}
            rows = {
                name: tuple(_cell(name, figures) for figures in columns.values())
                for name in dict.fromkeys(name for figures in columns.values() for name in figures)
                if not _counts_another(name, columns)
            }
            laid_out.append(Table(stage, metric, tuple(columns), rows))
    return laid_out


def _cell(name: str, figures: Mapping[str, float]) -> Cell | None:
    if name not in figures:
        return None
    samples = figures.get(f"{name}{SAMPLES}")
    return Cell(float(figures[name]), None if samples is None else int(samples))


def _counts_another(name: str, columns: Mapping[str, Mapping[str, float]]) -> bool:
    return name.endswith(SAMPLES) and any(name.removesuffix(SAMPLES) in figures for figures in columns.values())


def fullest(givens: list[str]) -> str:
    """Return the set of given modalities that says most of a whole model: everything, or the one with the most members."""
    return max(givens, key=lambda given: (given == "all", given.count("+")))


def headline(results: Mapping[str, Any]) -> str:
    """Return the best figure of the last evaluation, in words; empty where there is none."""
    for table in reversed(tables(results)):
        column = table.columns.index(fullest(list(table.columns)))
        cells = {name: row[column] for name, row in table.rows.items()}
        counted = {name: cell for name, cell in cells.items() if cell is not None and cell.samples and math.isfinite(cell.value)}
        if counted:
            name, best = max(counted.items(), key=lambda item: item[1].value)
            return f"{table.metric} of {name} given {table.columns[column]}: {best.text}"
    return ""
