"""An evaluation stage: run the data once for each set of given modalities, then compute every metric over the whole set.

Figures go into results.json; what metrics say of single samples goes into the stage's details.json, for the report.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from antifaz.core import collectives
from antifaz.core.experiment import EvaluateStage, Evaluation, MetricEntry, Sink
from antifaz.core.graph.module import Graph
from antifaz.core.graph.wire import BATCH
from antifaz.core.interfaces import Averaging, SampleSet, views_of
from antifaz.core.seeds import derived_seed, seeded
from antifaz.core.tokens import Features
from antifaz.data.batches import UnreadableLimit, evaluation_batches
from antifaz.data.contract import Origin, blaming, identity_of
from antifaz.data.samples import joined
from antifaz.data.views import averaged
from antifaz.registry import KeyPath, Location
from antifaz.registry.files import write_atomically

from .context import Context, StoppedError
from .contract.failures import metric_places, naming_nodes
from .contract.results import lower_is_better, require_figures, unchanged

Values = dict[str, Features]
Given = tuple[str, ...]
ALL: Given = ()
"""Stands for every modality that the data have."""


def evaluate(run: Context, name: str, stage: EvaluateStage) -> None:
    """Compute a stage's metrics and put them into results.json: {given modalities: {metric: {figure: value}}}."""
    run.say(f"[bold]{name}[/]: evaluating")
    wiring = run.experiment.wirings[name]
    sinks = run.experiment.sinks[name]
    needed = wiring.needed_for(wire for sink in sinks.values() for wires in sink.wires.values() for wire in wires)
    graph = run.graph(name, stage, needed).eval()
    if collectives.is_main():
        run.folder.forget_metrics_after(name, -1)
    measured = measure(run, name, stage, sinks, graph, alone=True)
    run.add_results(name, measured.results)
    run.log(name, 0, measured.figures())
    if collectives.is_main():
        samples = run.samples(stage.data, training=False)
        measured.write(run.folder.details(name), samples)
        count = len(samples) // views_of(samples)
        speed = count * measured.calls / max(measured.seconds, 1e-9)
        run.folder.mark_done(name, {"samples": count, "samples_per_second": speed})


def measure(
    run: Context, name: str, entry: Evaluation, sinks: Mapping[str, Sink[MetricEntry]], graph: Graph, *, alone: bool
) -> Measured:
    """Run the data once for each set of given modalities, and compute every metric. Called by every process.

    Random numbers are the same in each evaluation of a stage, and what runs around it goes on with its own.

    name: of the stage. alone: the stage does nothing else; otherwise there is no progress bar, and no details are kept.
    Raises:
        StoppedError: the run was asked to stop; nothing is kept then. DataError: more unreadable files than are allowed.
    """
    at: KeyPath = ("stages", name) if alone else ("stages", name, "validation")
    with _repeatable(run, derived_seed(run.experiment.header.seed, *at[1:], collectives.rank())):
        return _measured(run, name, at, entry, sinks, graph, alone=alone)


@contextmanager
def _repeatable(run: Context, seed: int) -> Iterator[None]:
    """Draws from all global generators follow from a seed, and go on as before after it."""
    with torch.random.fork_rng([run.device] if run.device.type == "cuda" else []), seeded(seed):
        torch.manual_seed(seed)
        yield


def _measured(
    run: Context, name: str, at: KeyPath, entry: Evaluation, sinks: Mapping[str, Sink[MetricEntry]], graph: Graph, *, alone: bool
) -> Measured:
    calls = _calls(entry, sinks)
    began = time.perf_counter()
    collected = {given: collect(run, name, entry, graph, given, references, shown=alone) for given, references in calls.items()}
    views = views_of(run.samples(entry.data, training=False))
    measured = Measured(name, views, metric_places(run.experiment, at), details=alone)
    measured.calls, measured.seconds = len(calls), time.perf_counter() - began
    for given in entry.present or (ALL,):
        for sink in sinks.values():
            if not sink.entry.present:
                measured.add(label_of(given), sink, dict.fromkeys(sink.wires, collected[given]))
    for sink in sinks.values():
        if sink.entry.present:
            sides = {argument: collected[tuple(sink.entry.present.get(argument, ALL))] for argument in sink.wires}
            measured.add(label_of_metric(sink.entry), sink, sides)
    return measured


def label_of(given: Sequence[str]) -> str:
    """Return the name of a set of given modalities, as it stands in results.json."""
    return "+".join(given) or "all"


def label_of_metric(entry: MetricEntry) -> str:
    """Return the name of what a metric is given that has a `present` of its own."""
    return " | ".join(f"{argument}: {'+'.join(given)}" for argument, given in entry.present.items())


class Measured:
    """What an evaluation found: figures for results.json, and where metrics keep any, details for the stage's own file.

    Args:
        stage: its name.
        views: samples in a row that are one.
        locate: where the config has a metric of this name.
        details: whether metrics are asked for them.
    """

    def __init__(self, stage: str, views: int, locate: Callable[[str], Location], *, details: bool) -> None:
        self.stage, self.views, self.locate = stage, views, locate
        self.keeps_details = details
        self.calls, self.seconds = 0, 0.0
        self.results: dict[str, dict[str, Any]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.lower: dict[str, list[str]] = {}

    def figures(self) -> dict[str, float]:
        """Return every figure by its name in metrics.jsonl, `all/accuracy/audio`."""
        by_metric = [(f"{label}/{key}", fs) for label, metrics in self.results.items() for key, fs in metrics.items()]
        return {f"{begin}/{name}": value for begin, figures in by_metric for name, value in figures.items()}

    def lower_is_better(self) -> set[str]:
        """Return the figures of which the lower is the better, by the same names."""
        return {f"{label}/{key}/{name}" for label in self.results for key, names in self.lower.items() for name in names}

    def add(self, label: str, sink: Sink[MetricEntry], sides: Mapping[str, Values]) -> None:
        """Compute one metric. label: names what was given. sides: argument -> the values that were collected for it."""
        key, averaging = sink.name, sink.entry.average_views
        arguments = {argument: sink.pick(self._of_samples(values, averaging), argument) for argument, values in sides.items()}
        with blaming(sink.entry.spec, f"computing {key!r} of stage {self.stage!r}, given {label}", location=self.locate(key)):
            metric = sink.entry.spec.build(sink.groups)
            with unchanged(arguments, sink.entry.spec):
                figures: Any = metric(**arguments)
            self.lower[key] = lower_is_better(metric, sink.entry.spec)
            details = getattr(metric, "details", None) if self.keeps_details else None
            if details is not None and collectives.is_main():
                self.details.setdefault(label, {})[key] = details(**arguments).json()
        nothing = not any(bool(value.presence().any()) for group in arguments.values() for value in group.values())
        none = figures == {} and nothing
        self.results.setdefault(label, {})[key] = {} if none else require_figures(figures, sink, self.stage, self.locate(key))

    def _of_samples(self, values: Values, averaging: Averaging) -> Values:
        """Average the views of each sample; entries of the batch, such as a target, are not logits and stay their mean."""
        entries = f"{BATCH}."
        return {k: averaged(v, self.views, "mean" if k.startswith(entries) else averaging) for k, v in values.items()}

    def write(self, path: Path, samples: SampleSet) -> None:
        """Write the details. samples: named where details speak of single ones, by paths mostly relative to the working folder."""
        places = range(0, len(samples), self.views) if self.details else ()
        names = [identity_of(samples, i) for i in places]
        content: dict[str, Any] = {"lower_is_better": self.lower, "folder": os.getcwd(), "samples": names, "given": self.details}
        if (sentences := getattr(samples, "sentences", None)) is not None and any(said := [list(sentences(i)) for i in places]):
            content["sentences"] = said
        write_atomically(path, json.dumps(content) + "\n")


def _calls(entry: Evaluation, sinks: Mapping[str, Sink[MetricEntry]]) -> dict[Given, list[str]]:
    """List the references that each set of given modalities must compute."""
    calls: dict[Given, list[str]] = {}
    for sink in sinks.values():
        if sink.entry.present:
            for argument, wires in sink.wires.items():
                calls.setdefault(tuple(sink.entry.present.get(argument, ALL)), []).extend(w.reference for w in wires)
        else:
            for given in entry.present or (ALL,):
                calls.setdefault(tuple(given), []).extend(sink.references)
    return {given: list(dict.fromkeys(references)) for given, references in calls.items()}


@torch.no_grad()
def collect(
    run: Context, name: str, of: Evaluation, graph: Graph, given: Given, references: Sequence[str], *, shown: bool
) -> Values:
    """Compute the outputs for every sample, on the CPU, in the order of the data set, with only these modalities given.

    shown: by a progress bar.
    """
    entry = run.experiment.data[of.data]
    samples = run.samples(of.data, training=False)
    limit = UnreadableLimit(samples, entry.max_unreadable, of.data)
    world, rank = collectives.world_size(), collectives.rank()
    batches = evaluation_batches(
        samples,
        batch_size=entry.batch_size,
        rank=rank,
        world=world,
        workers=entry.workers,
        pin_memory=run.device.type == "cuda",
        origin=Origin.of(run.experiment, of.data, training=False),
    )
    computed = [r for r in references if r.partition(".")[0] != "batch"]
    direct = [r.partition(".")[2] for r in references if r.partition(".")[0] == "batch"]
    parts: list[Values] = []
    total = -(-len(samples) // max(1, entry.batch_size))
    title = f"  {name}, given {'+'.join(given) or 'everything'}"
    for batch in track(batches, title, total, console=run.console, transient=True) if shown else batches:
        run.take(name, of.data, limit, batch)
        entries = batch.to(run.device).entries
        visible = {key: value for key, value in entries.items() if not given or key in given}
        with naming_nodes(graph.wiring, f"in stage {name!r}"):
            answers = graph(visible, computed)
        part = {key: _on_cpu(value) for key, value in answers.items() if isinstance(value, Features)}
        part.update({f"batch.{key}": _on_cpu(entries[key]) for key in direct})
        parts.append(part)
        if run.stop_requested:
            break
    run.share_warnings()
    run.share_unreadable(of.data, limit)
    if run.should_stop():  # only here: processes may have different numbers of batches
        raise StoppedError(f"stopped in the evaluation {name!r}; the same command begins it again")
    return _in_order(_joined(parts), len(samples))


def _on_cpu(value: Features) -> Features:
    return Features(value.values.float().cpu() if value.values.is_floating_point() else value.values.cpu(), value.presence().cpu())


def _joined(parts: Sequence[Values]) -> Values:
    if not parts:
        return {}
    return {key: joined([p[key] for p in parts]) for key in parts[0]}


def _in_order(mine: Values, total: int) -> Values:
    """Put the samples of all processes (every world-th each) back into the order of the data set."""
    world = collectives.world_size()
    if world == 1:
        return mine
    shares: list[Values] = collectives.gather_objects(mine)
    order = torch.cat([torch.arange(rank, total, world) for rank in range(world)]).argsort()

    def arranged(tensors: list[Tensor]) -> Tensor:
        return torch.cat(tensors)[order]

    filled = [share for share in shares if share]
    return {
        key: Features(arranged([s[key].values for s in filled]), arranged([s[key].presence() for s in filled])) for key in filled[0]
    }
