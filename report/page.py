"""The page of one run, put together from its sections."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import attrs

from antifaz.core.experiment import Experiment

from .rendering import flat, template, write_page
from .results import headline, number, tables
from .run_record import RunRecord, StageRecord, read_run
from .sections.clips import Clips
from .sections.confusion import confusion_matrices
from .sections.curves import Chart, charts, series
from .sections.graph_picture import graph_picture
from .sections.mask_pictures import mask_picture
from .sections.samples import best_and_worst

ROOM = 10_000_000
"""Bytes of a whole page; what clips do not fit is left out, and the page says so."""

T = TypeVar("T")


@attrs.frozen
class StageRow:
    """One stage as a row of a table."""

    name: str
    task: str
    state: str
    parameters: str
    samples_per_second: str


def write_report(
    root: Path, *, experiment: Experiment | None = None, plugins: Sequence[Path] = (), output: Path | None = None
) -> Path:
    """Write the page of a run and return its path.

    experiment: of the run, where it is at hand. plugins: files of plugins that its config needs otherwise. output: where to write
    it, default report.html in the run folder.
    Raises:
        FolderError: no run in this folder. WriteError: a page that cannot be written.
    """
    run = read_run(root, experiment=experiment, plugins=plugins)
    target = output or run.folder.report
    write_page(target, run_page(run))
    return target


def run_page(run: RunRecord) -> str:
    """Return the page as HTML. It is rendered without clips first, to know how much room is left for them."""
    missing = dict(run.missing)
    results = _part(missing, "results", lambda: tables(run.results), [])
    context: dict[str, Any] = {
        "run": run,
        "missing": missing,
        "summary": _summary(run, missing),
        "written_at": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "stages": _part(missing, "stages", lambda: [_stage_row(stage) for stage in run.stages], []),
        "results": results,
        "curves": _part(missing, "curves", lambda: _curves(run), {}),
        "graphs": _part(missing, "graph", lambda: _by_graph(run, graph_picture), {}),
        "masks": _part(missing, "mask", lambda: _by_graph(run, mask_picture), {}),
        "confusions": _part(missing, "confusion", lambda: confusion_matrices(run.stages), []),
        "data": _part(missing, "data", lambda: _data(run.data), ((), {})),
        "environment": flat(run.environment),
        "warnings": list(dict.fromkeys((str(each["stage"]), str(each["text"])) for each in run.warnings)),
        "untrained": {s.name: s.summary["untrained"] for s in run.stages if s.summary and s.summary.get("untrained")},
        "samples": [],
        "left_out": 0,
    }
    bare = template("report.html").render(context)
    clips = Clips(ROOM - len(bare.encode()) - 200_000)  # for the words around the clips
    context["samples"] = _part(missing, "samples", lambda: best_and_worst(run.stages, run.experiment, clips), [])
    context["left_out"] = clips.left_out
    return template("report.html").render(context)


def _part(missing: dict[str, str], part: str, compute: Callable[[], Any], otherwise: Any) -> Any:
    """Compute a part of the page; where the files of the run have a form that this version does not know, note that instead."""
    try:
        return compute()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        missing[part] = f"the run folder holds it in a form that this version does not know ({type(error).__name__}: {error})"
        return otherwise


def _summary(run: RunRecord, missing: dict[str, str]) -> str:
    """Return one line: how far the run is, and its best figure."""
    done = sum(stage.summary is not None for stage in run.stages)
    state = "finished" if done == len(run.stages) else f"{done} of {len(run.stages)} stages finished"
    best: str = _part(missing, "results", lambda: headline(run.results), "")
    return f"{state}; best {best}" if best else state


def _stage_row(stage: StageRecord) -> StageRow:
    summary = stage.summary or {}
    if stage.summary is not None:
        state = _finished(stage, summary)
    elif stage.records:
        state = f"not finished: step {stage.trained:,}" + (f" of {stage.steps:,}" if stage.steps else "")
    else:
        state = "not begun, or nothing logged yet"
    speeds = [float(r["samples_per_second"]) for r in stage.records if "samples_per_second" in r]
    speed = statistics.median(speeds) if speeds else summary.get("samples_per_second")
    parameters = f"{int(summary['parameters']):,}" if "parameters" in summary else ""
    return StageRow(stage.name, stage.task, state, parameters, "" if speed is None else f"{float(speed):,.1f}")


def _finished(stage: StageRecord, summary: Mapping[str, Any]) -> str:
    """Return how far a stage went that is over, and which of its weights it left where it chose."""
    if not stage.steps:
        return f"{int(summary.get('samples', 0)):,} samples"
    steps = int(summary.get("steps", stage.steps))
    state = f"{steps:,} steps" if steps == stage.steps else f"ended early: {steps:,} of {stage.steps:,} steps"
    best = summary.get("best")
    return f"{state}; weights of step {best['step']:,}, {best['figure']} {number(best['value'])}" if best else state


def _curves(run: RunRecord) -> dict[str, list[Chart]]:
    drawn = {stage.name: charts({"": series(stage.records)}) for stage in run.stages}
    return {name: curves for name, curves in drawn.items() if curves}


def _by_graph(run: RunRecord, draw: Callable[[Any], T | None]) -> dict[str, T]:
    """Draw each different graph, under the first stage that has it (without a name where there is one graph)."""
    if run.experiment is None:
        return {}
    graphs = run.experiment.graphs
    drawn = {name if len(graphs) > 1 else "": draw(wiring) for name, wiring in graphs.items()}
    return {name: picture for name, picture in drawn.items() if picture is not None}


def _data(data: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Return the names of the counts, and for each data set their values."""
    names = tuple(dict.fromkeys(name for counts in data.values() for name in counts))
    return names, {key: tuple(f"{counts[n]:,}" if n in counts else "" for n in names) for key, counts in data.items()}
