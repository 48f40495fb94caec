"""An evaluation stage: run the data once for each set of given modalities, then compute every metric over the whole set.

Figures go into results.json; what metrics say of single samples goes into the stage's details.json, for the report.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from antifaz.core import collectives
from antifaz.core.experiment import EvaluateStage, MetricEntry, Sink
from antifaz.core.graph.module import Graph
from antifaz.core.graph.wire import BATCH
from antifaz.core.interfaces import Averaging, SampleSet, views_of
from antifaz.core.tokens import Features
from antifaz.data.batches import UnreadableLimit, evaluation_batches
from antifaz.data.views import averaged
from antifaz.registry.files import write_atomically

from .context import Context, StoppedError

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
    calls = _calls(stage, sinks)
    began = time.perf_counter()
    collected = {given: collect(run, name, stage, graph, given, references) for given, references in calls.items()}
    seconds = time.perf_counter() - began
    kept = _Kept(views_of(run.samples(stage.data, training=False)))
    for given in stage.present or (ALL,):
        label = "+".join(given) or "all"
        for sink in sinks.values():
            if not sink.entry.present:
                kept.measure(label, sink, dict.fromkeys(sink.wires, collected[given]))
    for sink in sinks.values():
        if sink.entry.present:
            sides = {argument: collected[tuple(sink.entry.present.get(argument, ALL))] for argument in sink.wires}
            label = " | ".join(f"{argument}: {'+'.join(given)}" for argument, given in sink.entry.present.items())
            kept.measure(label, sink, sides)
    run.add_results(name, kept.results)
    results = kept.results
    flat = {f"{label}/{key}/{figure}": v for label, ms in results.items() for key, fs in ms.items() for figure, v in fs.items()}
    run.log(name, 0, flat)
    if collectives.is_main():
        samples = run.samples(stage.data, training=False)
        kept.write(run.folder.details(name), samples)
        count = len(samples) // views_of(samples)
        run.folder.mark_done(name, {"samples": count, "samples_per_second": count * len(calls) / max(seconds, 1e-9)})


class _Kept:
    """The results of an evaluation: figures for results.json, and where metrics keep any, details for the stage's own file.

    views: samples in a row that are one.
    """

    def __init__(self, views: int) -> None:
        self.views = views
        self.results: dict[str, dict[str, Any]] = {}
        self.details: dict[str, dict[str, Any]] = {}
        self.lower: dict[str, list[str]] = {}

    def measure(self, label: str, sink: Sink[MetricEntry], sides: Mapping[str, Values]) -> None:
        """Compute one metric. label: names what was given. sides: argument -> the values that were collected for it."""
        key, averaging = sink.name, sink.entry.average_views
        metric = sink.entry.spec.build(sink.groups)
        arguments = {argument: sink.pick(self._of_samples(values, averaging), argument) for argument, values in sides.items()}
        self.results.setdefault(label, {})[key] = metric(**arguments)
        self.lower[key] = sorted(getattr(metric, "lower_is_better", ()))
        details = getattr(metric, "details", None)
        if details is not None and collectives.is_main():
            self.details.setdefault(label, {})[key] = details(**arguments).json()

    def _of_samples(self, values: Values, averaging: Averaging) -> Values:
        """Average the views of each sample; entries of the batch, such as a target, are not logits and stay their mean."""
        entries = f"{BATCH}."
        return {k: averaged(v, self.views, "mean" if k.startswith(entries) else averaging) for k, v in values.items()}

    def write(self, path: Path, samples: SampleSet) -> None:
        """Write the details. samples: named where details speak of single ones, by paths mostly relative to the working folder."""
        places = range(0, len(samples), self.views) if self.details else ()
        names = [samples.identity(i) for i in places]
        content: dict[str, Any] = {"lower_is_better": self.lower, "folder": os.getcwd(), "samples": names, "given": self.details}
        if (sentences := getattr(samples, "sentences", None)) is not None and any(said := [list(sentences(i)) for i in places]):
            content["sentences"] = said
        write_atomically(path, json.dumps(content) + "\n")


def _calls(stage: EvaluateStage, sinks: Mapping[str, Sink[MetricEntry]]) -> dict[Given, list[str]]:
    """List the references that each set of given modalities must compute."""
    calls: dict[Given, list[str]] = {}
    for sink in sinks.values():
        if sink.entry.present:
            for argument, wires in sink.wires.items():
                calls.setdefault(tuple(sink.entry.present.get(argument, ALL)), []).extend(w.reference for w in wires)
        else:
            for given in stage.present or (ALL,):
                calls.setdefault(tuple(given), []).extend(sink.references)
    return {given: list(dict.fromkeys(references)) for given, references in calls.items()}


@torch.no_grad()
def collect(run: Context, name: str, stage: EvaluateStage, graph: Graph, given: Given, references: Sequence[str]) -> Values:
    """Compute the outputs for every sample, on the CPU, in the order of the data set, with only these modalities given."""
    entry = run.experiment.data[stage.data]
    samples = run.samples(stage.data, training=False)
    limit = UnreadableLimit(samples, entry.max_unreadable, stage.data)
    world, rank = collectives.world_size(), collectives.rank()
    batches = evaluation_batches(
        samples, batch_size=entry.batch_size, rank=rank, world=world, workers=entry.workers, pin_memory=run.device.type == "cuda"
    )
    computed = [r for r in references if r.partition(".")[0] != "batch"]
    direct = [r.partition(".")[2] for r in references if r.partition(".")[0] == "batch"]
    parts: list[Values] = []
    total = -(-len(samples) // max(1, entry.batch_size))
    title = f"  {name}, given {'+'.join(given) or 'everything'}"
    for batch in track(batches, title, total, console=run.console, transient=True):
        run.take(name, stage.data, limit, batch)
        entries = batch.to(run.device).entries
        shown = {key: value for key, value in entries.items() if not given or key in given}
        part = {key: _on_cpu(value) for key, value in graph(shown, computed).items() if isinstance(value, Features)}
        part.update({f"batch.{key}": _on_cpu(entries[key]) for key in direct})
        parts.append(part)
        if run.stop_requested:
            break
    run.share_warnings()
    limit.check(collectives.total(len(limit.found), run.device))
    if run.should_stop():  # only here: processes may have different numbers of batches
        raise StoppedError(f"stopped in the evaluation {name!r}; the same command begins it again")
    return _in_order(_joined(parts), len(samples))


def _on_cpu(value: Features) -> Features:
    return Features(value.values.float().cpu() if value.values.is_floating_point() else value.values.cpu(), value.presence().cpu())


def _joined(parts: Sequence[Values]) -> Values:
    if not parts:
        return {}
    return {key: Features(torch.cat([p[key].values for p in parts]), _presence([p[key] for p in parts])) for key in parts[0]}


def _presence(parts: Sequence[Features]) -> Tensor:
    """Join the presence of all parts over the same axes: some have it by entries of a sample, others for a whole sample."""
    axes = max(part.presence().dim() for part in parts)

    def over(part: Features) -> Tensor:
        valid = part.presence()
        return valid.view(*valid.shape, *(1 for _ in range(axes - valid.dim()))).expand(part.values.shape[:axes])

    return torch.cat([over(part) for part in parts])


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
