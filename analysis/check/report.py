"""check: what an experiment is and costs, before anything is spent.

Graphs are built and run on the meta device: what every module returns is held against what its spec declared, FLOPs and memory are
counted (see cost.py for the conventions). Data sets are looked at where they are there: their counts, and one decoded sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch

from antifaz.analysis.cost import OutputFlops, StepCost, forward_flops, step_cost
from antifaz.core.errors import DataError, WeightsError
from antifaz.core.experiment import DataEntry, Experiment, PretrainedPart, Published, Stage, TrainStage
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.graph.wiring import BATCH, Wire, Wiring
from antifaz.core.interfaces import FlopConvention, views_of
from antifaz.core.streams import Shape, Stream, Value
from antifaz.data.batches import Collate, too_few
from antifaz.data.samples import class_out_of_range
from antifaz.engine.training.initialization import initialize, sources_of
from antifaz.engine.training.model import TrainingModel, trainable_parameters
from antifaz.registry import PLUGIN_FAULT_HINT, ConfigError, Problem, component_of, declaration_of, failure

LOOKED_AT = 8
"""Samples of a data set that are tried, until one can be read."""


@attrs.frozen
class NodeReport:
    """What a node is. flops: forward, one sample, when everything is asked for; conventional_flops: the same by a convention."""

    name: str
    component: str
    parameters: int
    flops: int
    conventional_flops: int
    outputs: Mapping[str, Value]

    def json(self) -> dict[str, Any]:
        outputs = {name: _describe(value) for name, value in self.outputs.items()}
        counts = {"flops": self.flops, "conventional_flops": self.conventional_flops}
        return {"component": self.component, "parameters": self.parameters, **counts, "outputs": outputs}


@attrs.frozen
class OutputReport:
    """What one requested output takes. needs: entries of the data. flops: forward, one sample, for it alone."""

    needs: tuple[str, ...]
    nodes: tuple[str, ...]
    flops: int


@attrs.frozen
class StageReport:
    """A training stage. untrained: nodes and single parameters that get no gradient or are frozen."""

    cost: StepCost
    untrained: tuple[str, ...]


@attrs.frozen
class SharedReport:
    """A node with another's weights. options: those that it has otherwise, in words: the same weights may then mean another map."""

    owner: str
    options: tuple[str, ...]


@attrs.frozen
class DataReport:
    """A data set. counts: `samples`, and how many files were found or missing; None where the data is not on this machine."""

    counts: Mapping[str, int] | None


@attrs.frozen
class CheckReport:
    """What `check` found out about a config that has no mistake.

    The graph is the last stage's; shared are its nodes with another's weights. outputs: by reference, those that objectives or
    metrics of any stage ask for, or else the graph's ends. unused: nodes that none of these needs. published: figures of others for
    the same model. convention: by which FLOPs are counted as well; without one, conventional and true counts are the same.
    """

    name: str
    parameters: int
    nodes: Mapping[str, NodeReport]
    outputs: Mapping[str, OutputReport]
    stages: Mapping[str, StageReport]
    data: Mapping[str, DataReport]
    unused: tuple[str, ...]
    shared: Mapping[str, SharedReport]
    published: Published | None = None
    convention: str | None = None

    @property
    def flops(self) -> int:
        """Forward, one sample, every output."""
        return sum(node.flops for node in self.nodes.values())

    @property
    def comparable_flops(self) -> int | None:
        """What published FLOPs are held against: counted as they were; None where FLOPs were counted by another convention."""
        way = None if self.published is None else _convention_name(self.published)
        return self.flops if way is None else self.conventional_flops if way == self.convention else None

    @property
    def conventional_flops(self) -> int:
        """The same by the convention."""
        return sum(node.conventional_flops for node in self.nodes.values())

    def json(self) -> dict[str, Any]:
        """Plain data. Shapes are without the batch; flops are integers for one sample, those of a stage for a step."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "flops": self.flops,
            "convention": self.convention,
            "conventional_flops": self.conventional_flops,
            "nodes": {name: node.json() for name, node in self.nodes.items()},
            "outputs": {name: attrs.asdict(output) for name, output in self.outputs.items()},
            "stages": {name: {**attrs.asdict(s.cost), "untrained": list(s.untrained)} for name, s in self.stages.items()},
            "data": {name: attrs.asdict(data) for name, data in self.data.items()},
            "unused": list(self.unused),
            "shared": {name: attrs.asdict(shared) for name, shared in self.shared.items()},
            "published": None if self.published is None else _published(self.published),
        }


def _convention_name(published: Published) -> str | None:
    return None if published.convention is None else declaration_of(published.convention).name


def _published(published: Published) -> dict[str, Any]:
    return {**attrs.asdict(published), "convention": _convention_name(published)}


def _describe(value: Value) -> dict[str, Any]:
    if isinstance(value, Stream):
        return {"kind": "tokens", "shape": list(value.dims), "grid": list(value.grid), "latent": value.latent}
    return {"kind": "features", "shape": list(value.dims), "dtype": value.dtype}


def check(experiment: Experiment, *, data: bool = True, flops: str | None = None) -> CheckReport:
    """Build and run every graph of the experiment on the meta device.

    data: whether to look at the data sets as well. flops: a convention by which FLOPs are counted beside the true count; default
    the one that the config's published figures were made by.
    Raises:
        ConfigError: a module that cannot be built, fails, or returns other shapes than its spec declares; data that is not as the
            config says; an unknown convention.
    """
    convention, counts = _convention(experiment, flops)
    problems: list[Problem] = []
    graphs = {stage: build_graph(wiring, device="meta") for stage, wiring in experiment.graphs.items()}
    for graph in graphs.values():
        problems += _returned_shapes(experiment, graph)
    problems += _unfit_weights(experiment)
    found = {name: _look(experiment, name, entry, problems) for name, entry in experiment.data.items()} if data else {}
    if problems:
        raise ConfigError(problems)
    graph = list(graphs.values())[-1]
    requested = _requested(experiment)
    batch, everything = _fake_batch(graph.wiring, 1), list(graph.wiring.nodes)
    true = forward_flops(graph, batch, everything)
    conventional = true if counts is None else forward_flops(graph, batch, everything, counts)
    return CheckReport(
        experiment.name,
        sum(p.numel() for p in graph.parameters()),
        {name: _node_report(graph, name, true[name], conventional[name]) for name in everything},
        _output_reports(experiment, graphs, requested),
        {name: _stage_report(experiment, name, s) for name, s in experiment.stages.items() if isinstance(s, TrainStage)},
        found,
        _unused(experiment, requested),
        _shared(graph.wiring),
        experiment.header.published,
        convention,
    )


def _convention(experiment: Experiment, name: str | None) -> tuple[str | None, FlopConvention | None]:
    """The convention that was asked for, or else that of the published figures, and its name."""
    published = experiment.header.published
    if name is not None:
        return name, component_of(name, "flops", experiment.plugins.catalogue)
    return (None, None) if published is None else (_convention_name(published), published.convention)


def _fake_batch(wiring: Wiring, batch: int) -> dict[str, Any]:
    """A meta batch of the entries that the graph reads."""
    used = {w.output for node in wiring.nodes.values() for w in node.wires if w.node == BATCH}
    return fake_batch({name: shape for name, shape in wiring.inputs.items() if name in used}, batch, "meta")


def _unfit_weights(experiment: Experiment) -> list[Problem]:
    """Weights of a stage that do not fit the graph of one that begins with them: shapes are enough to tell, before any training."""
    trained = {n: build_graph(experiment.wirings[n], device="meta").weights() for n in _sources(experiment)}
    problems = []
    for name, stage in experiment.stages.items():
        sources = list(sources_of(stage.init))
        if not sources or any(source not in trained for source in sources) or _adopts(stage):
            continue  # files are the run's to open
        wiring = experiment.wirings[name]
        needed = () if isinstance(stage, TrainStage) else wiring.needed_for(_read_by(experiment, name))
        try:
            initialize(build_graph(wiring, device="meta"), stage.init, trained, needed=needed)
        except WeightsError as error:
            problems.append(Problem(error.message, experiment.document.location(("stages", name, "init")), error.hint))
    return problems


def _sources(experiment: Experiment) -> list[str]:
    """The stages of whose weights others begin."""
    named = {source for stage in experiment.stages.values() for source in sources_of(stage.init)}
    return [name for name in experiment.stages if name in named]


def _adopts(stage: Stage) -> bool:
    return isinstance(stage.init, Mapping) and any(isinstance(source, PretrainedPart) for source in stage.init.values())


def _returned_shapes(experiment: Experiment, graph: Graph) -> list[Problem]:
    """Run every node on a batch of two, as in evaluation, and compare shapes."""
    wiring = graph.eval().wiring
    view = experiment.document.at("graph")
    problems = []
    try:
        found = graph(_fake_batch(wiring, 2), list(wiring.nodes))
    except Exception as error:  # whatever a plugin's own code raises
        return [_failed(graph, error)]
    for name, node in wiring.nodes.items():
        for output, declared in node.outputs.items():
            reference = Wire("", name, output).reference
            if reference not in found:
                problems.append(Problem(f"{reference} is declared but not returned", view.location((name,))))
            elif (got := tuple(found[reference].values.shape[1:])) != declared.dims:
                message = f"{reference} has shape {list(got)}, its spec declares {list(declared.dims)}"
                problems.append(Problem(message, view.location((name,))))
            elif not (values := found[reference].values).is_floating_point() and isinstance(declared, Stream):
                problems.append(Problem(f"{reference} is {values.dtype}, tokens are floating-point", view.location((name,))))
    return problems


def _failed(graph: Graph, error: Exception, where: str = "") -> Problem:
    """What a graph that cannot run says, at the first node that cannot. where: when that is."""
    batch = _fake_batch(graph.wiring, 2)
    for name, node in graph.wiring.nodes.items():
        try:
            graph(batch, [name])
        except Exception as own:
            words = f"{where}{node.plan.words} cannot run: {failure(own, node.plan.spec)}"
            return Problem(words, graph.wiring.locate((name,)), PLUGIN_FAULT_HINT)
    return Problem(f"{where}the graph cannot run: {failure(error, graph)}", graph.wiring.locate(()), PLUGIN_FAULT_HINT)


def _node_report(graph: Graph, name: str, flops: int, conventional_flops: int) -> NodeReport:
    """Parameters are counted where they live: a shared or tied one under its owner."""
    node = graph.wiring.nodes[name]
    own = {n: p for n, p in graph.get_submodule(name).named_parameters() if f"{name}.{n}" not in graph.aliases}
    component = declaration_of(node.plan.spec).name
    return NodeReport(name, component, sum(p.numel() for p in own.values()), flops, conventional_flops, node.outputs)


def _requested(experiment: Experiment) -> dict[str, list[Wire]]:
    """stage -> the outputs that its objectives or metrics read; without stages, the outputs of the graph's ends."""
    if not experiment.stages:
        wiring = experiment.wiring
        return {"": [wire for name in wiring.unused() for wire in wiring.resolve(name)]}
    return {name: _read_by(experiment, name) for name in experiment.stages}


def _read_by(experiment: Experiment, name: str) -> list[Wire]:
    wires = [wire for sink in experiment.sinks[name].values() for wires in sink.wires.values() for wire in wires]
    return [wire for wire in wires if wire.node != BATCH]


def _output_reports(
    experiment: Experiment, graphs: Mapping[str, Graph], requested: Mapping[str, list[Wire]]
) -> dict[str, OutputReport]:
    """Each requested output on the last graph that has it."""
    references = dict.fromkeys(wire.reference for wires in requested.values() for wire in wires)
    reports = {}
    counts: dict[str, OutputFlops] = {}
    for reference in references:
        stage, graph = next((s, g) for s, g in reversed(list(graphs.items())) if g.wiring.has(reference))
        if stage not in counts:
            counts[stage] = OutputFlops(graph, _fake_batch(graph.wiring, 1))
        plan = graph.wiring.needed_for(graph.wiring.resolve(reference))
        nodes = tuple(name for name in graph.wiring.nodes if name in plan)
        read = {w.output for n in nodes for w in graph.wiring.nodes[n].wires if w.node == BATCH and w.key in plan[n][1]}
        reports[reference] = OutputReport(tuple(sorted(read)), nodes, counts[stage](reference))
    return reports


def _unused(experiment: Experiment, requested: Mapping[str, list[Wire]]) -> tuple[str, ...]:
    needed = {node for stage, wires in requested.items() for node in experiment.wirings[stage].needed_for(wires)}
    every = dict.fromkeys(node for wiring in experiment.graphs.values() for node in wiring.nodes)
    return tuple(node for node in every if node not in needed)


def _shared(wiring: Wiring) -> dict[str, SharedReport]:
    found = {}
    for name, node in wiring.nodes.items():
        if (owner := node.plan.share) is not None:
            own, others = (attrs.asdict(n.plan.spec, recurse=False) for n in (node, wiring.nodes[owner]))  # type: ignore[arg-type]
            differing = (key for key, value in own.items() if value != others.get(key))
            found[name] = SharedReport(owner, tuple(f"{key} {own[key]}, there {others.get(key)}" for key in differing))
    return found


def _stage_report(experiment: Experiment, name: str, stage: TrainStage) -> StageReport:
    wiring = experiment.wirings[name]
    model = TrainingModel(build_graph(wiring, device="meta"), experiment.sinks[name]).to("meta")
    size = experiment.data[stage.data].batch_size // stage.accumulate
    try:
        cost = step_cost(model, fake_batch(wiring.inputs, max(1, size), "meta"), stage.optimizer.moments)
    except Exception as error:  # what a plugin's own code raises in training alone
        raise ConfigError([_failed(model.graph, error, f"stage {name!r}: ")]) from None
    cost = attrs.evolve(cost, batch_size=size * stage.accumulate, flops=cost.flops * stage.accumulate)
    return StageReport(cost, _untrained(model, stage, wiring))


def _untrained(model: TrainingModel, stage: TrainStage, wiring: Wiring) -> tuple[str, ...]:
    """Nodes of which nothing trains, then single parameters of others."""
    reached = trainable_parameters(model, wiring.inputs)
    names = [name for name in model.named_weights() if not name.startswith("objectives.")]
    still = [name for name in names if name not in reached or name.partition(".")[0] in stage.freeze]
    trained = {name.partition(".")[0] for name in set(names) - set(still)}
    nodes = dict.fromkeys(name.partition(".")[0] for name in still if name.partition(".")[0] not in trained)
    return (*nodes, *(name for name in still if name.partition(".")[0] in trained))


def _look(experiment: Experiment, name: str, entry: DataEntry, problems: list[Problem]) -> DataReport:
    """A data set's counts, and its first sample against the declared shapes."""
    peek = getattr(entry.dataset, "peek", None)
    where = experiment.document.location(("data", name))
    try:
        samples = peek() if peek is not None else None
        if samples is None:
            return DataReport(None)
        if len(samples):
            problems += [Problem(m, where) for m in _sample_faults(samples, entry.dataset.shapes(), name)]
    except DataError as error:
        problems.append(Problem(error.message, where, error.hint))
        return DataReport(None)
    smallest = entry.batch_size if any(isinstance(s, TrainStage) and s.data == name for s in experiment.stages.values()) else 1
    count = len(samples) // views_of(samples)
    if count < smallest:
        lack = too_few(count, smallest)
        problems.append(Problem(lack.message, where, lack.hint))
    return DataReport({"samples": count, **samples.counts()})


def _sample_faults(samples: Any, declared: Mapping[str, Shape], name: str) -> list[str]:
    # One broken file is the run's to count, against the user's limit; where the first few all are, something else is wrong.
    tried = [samples.load(i, 0) for i in range(0, len(samples), views_of(samples))[:LOOKED_AT]]
    sample = next((each for each in tried if each.problem is None), None)
    if sample is None:
        return [f"{name}: of the first {len(tried)} samples none can be read: {tried[0].problem}"]
    identity = samples.identity(sample.index)
    try:
        entries = Collate(samples)([(sample, 0)]).entries
    except (RuntimeError, ValueError, TypeError) as error:
        return [f"{name}: the sample {identity!r} cannot be put in a batch: {error}"]
    faults = []
    for key, shape in declared.items():
        values = entries[key].values
        if tuple(values.shape[1:]) != shape.dims or values.dtype != getattr(torch, shape.dtype):
            got = f"{list(values.shape[1:])} {str(values.dtype).removeprefix('torch.')}"
            faults.append(f"{name}.{key} is {got}, declared is {list(shape.dims)} {shape.dtype}: {identity!r}")
        elif shape.classes and (wrong := class_out_of_range(values, shape)) is not None:
            faults.append(f"{name}.{key} is class {wrong} of {len(shape.classes)}: {identity!r}")
    return faults
