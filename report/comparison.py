"""Several runs side by side on one page: results with the better figure marked, curves overlaid, values that differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from antifaz.core.errors import FolderError

from .curves import Chart, charts, series
from .page import flat, shown, template, write_page
from .results import Cell, Table, tables
from .run_record import Facts, gather

Label = str
"""What a run is called on the page: its folder as it was given."""


def write_comparison(roots: Sequence[Path], output: Path) -> Path:
    """Write the page that compares runs; returns where it is. No plugin is needed for it.

    Raises:
        FolderError: a folder that holds no run, the same folder twice. WriteError: a page that cannot be written.
    """
    if len({root.resolve() for root in roots}) < len(roots):
        raise FolderError("the same run is named twice", hint="name different run folders")
    runs = {str(root): gather(root, wired=False) for root in roots}
    write_page(output, comparison_page(runs))
    return output


def comparison_page(runs: Mapping[Label, Facts]) -> str:
    """The page as HTML."""
    missing = {label: dict.fromkeys(facts.missing.values()) for label, facts in runs.items()}
    return template("comparison.html").render(
        runs=runs,
        missing={label: list(notes) for label, notes in missing.items() if notes},
        states={label: _state(facts) for label, facts in runs.items()},
        results=compared(runs),
        curves=_curves(runs),
        environment=differences({label: flat(facts.environment) for label, facts in runs.items()}),
        config=differences(
            {label: {key: shown(value) for key, value, _ in facts.origins if key != "name"} for label, facts in runs.items()}
        ),
    )


def _state(facts: Facts) -> str:
    done = sum(stage.summary is not None for stage in facts.stages)
    return "finished" if done == len(facts.stages) else f"{done} of {len(facts.stages)} stages finished"


def compared(runs: Mapping[Label, Facts]) -> list[Table]:
    """A table for each metric and each set of given modalities: a row for each figure, a column for each run.

    Its `metric` reads `accuracy given audio`.
    """
    by_run = {label: {(t.stage, t.metric): t for t in tables(facts.results)} for label, facts in runs.items()}
    lower = {figure for facts in runs.values() for figure in facts.lower_is_better}
    made = []
    for stage, metric in dict.fromkeys(key for found in by_run.values() for key in found):
        of_runs = [found.get((stage, metric)) for found in by_run.values()]
        for given in dict.fromkeys(given for table in of_runs if table is not None for given in table.columns):
            figures = dict.fromkeys(name for table in of_runs if table is not None for name in table.rows)
            rows = {name: tuple(_cell(table, name, given) for table in of_runs) for name in figures}
            marked = {name: _marked(cells, (stage, metric, name) in lower) for name, cells in rows.items() if any(cells)}
            made.append(Table(stage, f"{metric} given {given}", tuple(runs), marked))
    return made


def _cell(table: Table | None, name: str, given: str) -> Cell | None:
    if table is None or name not in table.rows or given not in table.columns:
        return None
    return table.rows[name][table.columns.index(given)]


def _marked(cells: Sequence[Cell | None], lower: bool) -> tuple[Cell | None, ...]:
    """The best of a row marked, unless all are equal."""
    values = [cell.value for cell in cells if cell is not None and math.isfinite(cell.value)]
    if len(set(values)) < 2:
        return tuple(cells)
    best = min(values) if lower else max(values)
    return tuple(cell if cell is None else attrs.evolve(cell, better=cell.value == best) for cell in cells)


def _curves(runs: Mapping[Label, Facts]) -> dict[str, list[Chart]]:
    names = dict.fromkeys(stage.name for facts in runs.values() for stage in facts.stages)
    drawn = {}
    for name in names:
        of_runs = {label: [s for s in facts.stages if s.name == name] for label, facts in runs.items()}
        drawn[name] = charts({label: series(found[0].records) if found else {} for label, found in of_runs.items()})
    return {name: made for name, made in drawn.items() if made}


def differences(sides: Mapping[Label, Mapping[str, str]]) -> dict[str, tuple[str | None, ...]]:
    """key -> its value in each run, None where a run has none; keys of one value everywhere are left out."""
    keys = dict.fromkeys(key for side in sides.values() for key in side)
    rows = {key: tuple(side.get(key) for side in sides.values()) for key in keys}
    return {key: values for key, values in rows.items() if len(set(values)) > 1}
