"""Several runs side by side on one page: results with the better figure marked, curves overlaid, values that differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs

from antifaz.core.errors import FolderError

from .rendering import flat, shown, template, write_page
from .results import Cell, Table, tables
from .run_record import RunRecord, read_run
from .sections.curves import Chart, charts, series

Label = str
"""The name of a run on the page: its folder as it was given."""


def write_comparison(roots: Sequence[Path], output: Path) -> Path:
    """Write the page that compares runs and return its path. No plugin is needed for it.

    Raises:
        FolderError: a folder that holds no run, the same folder twice. WriteError: a page that cannot be written.
    """
    if len({root.resolve() for root in roots}) < len(roots):
        raise FolderError("the same run is named twice", hint="name different run folders")
    runs = {str(root): read_run(root, wired=False) for root in roots}
    write_page(output, comparison_page(runs))
    return output


def comparison_page(runs: Mapping[Label, RunRecord]) -> str:
    """Return the page as HTML."""
    missing = {label: dict.fromkeys(run.missing.values()) for label, run in runs.items()}
    return template("comparison.html").render(
        runs=runs,
        missing={label: list(notes) for label, notes in missing.items() if notes},
        states={label: _state(run) for label, run in runs.items()},
        results=compare_results(runs),
        curves=_curves(runs),
        environment=differences({label: flat(run.environment) for label, run in runs.items()}),
        config=differences({label: _written(run) for label, run in runs.items()}),
    )


def _written(run: RunRecord) -> dict[str, str]:
    """Return the values of a run's config by their keys, and at `stages` their order."""
    values = {key: shown(value) for key, value, _ in run.origins if key != "name"}
    return {**values, "stages": ", ".join(stage.name for stage in run.stages)}


def aligned(orders: Iterable[Sequence[str]]) -> list[str]:
    """Merge lists of names: each name once, and one that the first lists lack after the name that it follows in its own."""
    merged: list[str] = []
    for order in orders:
        place = 0
        for name in order:
            if name not in merged:
                merged.insert(place, name)
            place = merged.index(name) + 1
    return merged


def _stages(runs: Mapping[Label, RunRecord]) -> list[str]:
    """Return the stages of all runs by name; a stage of several stands where the first of them has it."""
    return aligned([[stage.name for stage in run.stages] for run in runs.values()])


def _state(run: RunRecord) -> str:
    done = sum(stage.summary is not None for stage in run.stages)
    return "finished" if done == len(run.stages) else f"{done} of {len(run.stages)} stages finished"


def compare_results(runs: Mapping[Label, RunRecord]) -> list[Table]:
    """Lay out a table for each metric and each set of given modalities: a row for each figure, a column for each run.

    Its `metric` reads `accuracy given audio`. Stages are those of the same name, wherever they stand in their runs.
    """
    order = {stage: place for place, stage in enumerate(_stages(runs))}
    by_run = {label: {(t.stage, t.metric): t for t in tables(run.results)} for label, run in runs.items()}
    lower = {figure for run in runs.values() for figure in run.lower_is_better}
    compared = []
    keys = dict.fromkeys(key for by_metric in by_run.values() for key in by_metric)
    for stage, metric in sorted(keys, key=lambda key: order[key[0]]):
        of_runs = [by_metric.get((stage, metric)) for by_metric in by_run.values()]
        for given in dict.fromkeys(given for table in of_runs if table is not None for given in table.columns):
            figures = dict.fromkeys(name for table in of_runs if table is not None for name in table.rows)
            rows = {name: tuple(_cell(table, name, given) for table in of_runs) for name in figures}
            marked = {name: _marked(cells, (stage, metric, name) in lower) for name, cells in rows.items() if any(cells)}
            compared.append(Table(stage, f"{metric} given {given}", tuple(runs), marked))
    return compared


def _cell(table: Table | None, name: str, given: str) -> Cell | None:
    if table is None or name not in table.rows or given not in table.columns:
        return None
    return table.rows[name][table.columns.index(given)]


def _marked(cells: Sequence[Cell | None], lower: bool) -> tuple[Cell | None, ...]:
    """Mark the best cell of a row, unless all are equal."""
    values = [cell.value for cell in cells if cell is not None and math.isfinite(cell.value)]
    if len(set(values)) < 2:
        return tuple(cells)
    best = min(values) if lower else max(values)
    return tuple(cell if cell is None else attrs.evolve(cell, better=cell.value == best) for cell in cells)


def _curves(runs: Mapping[Label, RunRecord]) -> dict[str, list[Chart]]:
    drawn = {}
    for name in _stages(runs):
        stages = {label: next((s for s in run.stages if s.name == name), None) for label, run in runs.items()}
        drawn[name] = charts({label: {} if stage is None else series(stage.records) for label, stage in stages.items()})
    return {name: curves for name, curves in drawn.items() if curves}


def differences(sides: Mapping[Label, Mapping[str, str]]) -> dict[str, tuple[str | None, ...]]:
    """Map each key to its value in each run, None where a run has none; keys of one value everywhere are left out."""
    keys = dict.fromkeys(key for side in sides.values() for key in side)
    rows = {key: tuple(side.get(key) for side in sides.values()) for key in keys}
    return {key: values for key, values in rows.items() if len(set(values)) > 1}
