"""The page of one run. Everything in it that comes from files, configs or data is text to be escaped: templates do, always."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import attrs
import jinja2

from antifaz.core.experiment import Experiment
from antifaz.registry import WriteError
from antifaz.registry.files import write_atomically

from .clips import Clips
from .confusion import confusions
from .curves import Chart, charts, series
from .graph_picture import picture
from .mask_pictures import mask_picture
from .results import headline, number, percent, tables
from .run_record import Facts, StageFacts, gather
from .samples import best_and_worst

ROOM = 10_000_000
"""Bytes of a whole page; what clips do not fit is left out, and the page says so."""

T = TypeVar("T")


@attrs.frozen
class StageRow:
    """What the page says of a stage in one row."""

    name: str
    task: str
    state: str
    parameters: str
    samples_per_second: str


def write_report(
    root: Path, *, experiment: Experiment | None = None, plugins: Sequence[Path] = (), output: Path | None = None
) -> Path:
    """Write the page of a run; returns where it is.

    experiment: of the run, where it is at hand. plugins: files of plugins that its config needs otherwise. output: where to write
    it, default report.html in the run folder.
    Raises:
        FolderError: no run in this folder. WriteError: a page that cannot be written.
    """
    facts = gather(root, experiment=experiment, plugins=plugins)
    target = output or facts.folder.report
    write_page(target, run_page(facts))
    return target


def write_page(path: Path, text: str) -> None:
    """Put a page in its place.

    Raises:
        WriteError: it cannot be written there.
    """
    try:
        write_atomically(path, text)
    except WriteError as error:
        raise WriteError(error.message, hint="choose another place with --output FILE") from None


def run_page(facts: Facts) -> str:
    """The page as HTML. It is made without clips first, to know how much room is left for them."""
    missing = dict(facts.missing)
    results = _part(missing, "results", lambda: tables(facts.results), [])
    context: dict[str, Any] = {
        "facts": facts,
        "missing": missing,
        "summary": _summary(facts, missing),
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        "stages": _part(missing, "stages", lambda: [_stage_row(stage) for stage in facts.stages], []),
        "results": results,
        "curves": _part(missing, "curves", lambda: _curves(facts), {}),
        "graphs": _part(missing, "graph", lambda: _by_graph(facts, picture), {}),
        "masks": _part(missing, "mask", lambda: _by_graph(facts, mask_picture), {}),
        "confusions": _part(missing, "confusion", lambda: confusions(facts.stages), []),
        "data": _part(missing, "data", lambda: _data(facts.data), ((), {})),
        "environment": flat(facts.environment),
        "warnings": list(dict.fromkeys((str(each["stage"]), str(each["text"])) for each in facts.warnings)),
        "untrained": {s.name: s.summary["untrained"] for s in facts.stages if s.summary and s.summary.get("untrained")},
        "samples": [],
        "left_out": 0,
    }
    bare = template("report.html").render(context)
    clips = Clips(ROOM - len(bare.encode()) - 200_000)  # for the words around the clips
    context["samples"] = _part(missing, "samples", lambda: best_and_worst(facts.stages, facts.experiment, clips), [])
    context["left_out"] = clips.left_out
    return template("report.html").render(context)


def template(name: str) -> jinja2.Template:
    """A template with everything that is put into it escaped."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, percent=percent, shown=shown)
    return environment.get_template(name)


def _part(missing: dict[str, str], part: str, make: Callable[[], Any], otherwise: Any) -> Any:
    """A part of the page; where the files of the run have another form than this version writes, that is said in its place."""
    try:
        return make()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        missing[part] = f"the run folder holds it in a form that this version does not know ({type(error).__name__}: {error})"
        return otherwise


def _summary(facts: Facts, missing: dict[str, str]) -> str:
    """One line: how far the run is, and its best figure."""
    done = sum(stage.summary is not None for stage in facts.stages)
    state = "finished" if done == len(facts.stages) else f"{done} of {len(facts.stages)} stages finished"
    best: str = _part(missing, "results", lambda: headline(facts.results), "")
    return f"{state}; best {best}" if best else state


def _stage_row(stage: StageFacts) -> StageRow:
    summary = stage.summary or {}
    if stage.summary is not None:
        state = f"{stage.steps:,} steps" if stage.steps else f"{int(summary.get('samples', 0)):,} samples"
    elif stage.records:
        state = f"not finished: step {stage.trained:,}" + (f" of {stage.steps:,}" if stage.steps else "")
    else:
        state = "not begun, or nothing logged yet"
    speeds = [float(r["samples_per_second"]) for r in stage.records if "samples_per_second" in r]
    speed = statistics.median(speeds) if speeds else summary.get("samples_per_second")
    parameters = f"{int(summary['parameters']):,}" if "parameters" in summary else ""
    return StageRow(stage.name, stage.task, state, parameters, "" if speed is None else f"{float(speed):,.1f}")


def _curves(facts: Facts) -> dict[str, list[Chart]]:
    drawn = {stage.name: charts({"": series(stage.records)}) for stage in facts.stages}
    return {name: made for name, made in drawn.items() if made}


def _by_graph(facts: Facts, draw: Callable[[Any], T | None]) -> dict[str, T]:
    """A picture of each different graph, under the first stage that has it (no name where there is one graph)."""
    if facts.experiment is None:
        return {}
    graphs = facts.experiment.graphs
    drawn = {name if len(graphs) > 1 else "": draw(wiring) for name, wiring in graphs.items()}
    return {name: made for name, made in drawn.items() if made is not None}


def _data(data: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The names of the counts, and for each data set their values."""
    names = tuple(dict.fromkeys(name for counts in data.values() for name in counts))
    return names, {key: tuple(f"{counts[n]:,}" if n in counts else "" for n in names) for key, counts in data.items()}


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A tree of mappings with dotted keys."""
    found: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = shown(value)
    return found


def shown(value: Any) -> str:
    """A value of a config or of the environment as a person would write it."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return "{}" if value == {} else str(value)
