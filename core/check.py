"""check: build the experiment on the meta device and hold what every module returns against what its spec declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from antifaz.core.experiment import Experiment, TrainStage
from antifaz.core.graph.graph import Graph
from antifaz.core.streams import Stream, Value
from antifaz.registry import ConfigError, Problem, SpecError, declaration_of

from .model import TrainingModel, build_graph, parameters_reached, stand_in


@attrs.frozen
class NodeReport:
    """What a node is, in figures."""

    name: str
    component: str
    parameters: int
    outputs: Mapping[str, Value]


@attrs.frozen
class CheckReport:
    """What `check` found out about a config that has no mistake."""

    name: str
    parameters: int
    nodes: tuple[NodeReport, ...]
    untrained: Mapping[str, tuple[str, ...]]
    """stage -> nodes that get no gradient in it."""

    def json(self) -> dict[str, Any]:
        """Plain data: `parameters`, and `nodes: {name: {component, parameters, outputs}}`."""
        nodes = {
            node.name: {
                "component": node.component,
                "parameters": node.parameters,
                "outputs": {name: _describe(value) for name, value in node.outputs.items()},
            }
            for node in self.nodes
        }
        untrained = {stage: list(names) for stage, names in self.untrained.items()}
        return {"name": self.name, "parameters": self.parameters, "nodes": nodes, "untrained": untrained}


def _describe(value: Value) -> dict[str, Any]:
    if isinstance(value, Stream):
        return {"kind": "tokens", "shape": list(value.dims), "grid": list(value.grid), "latent": value.latent}
    return {"kind": "features", "shape": list(value.dims), "dtype": value.dtype}


def check(experiment: Experiment) -> CheckReport:
    """Build every stage's graph on the meta device and run it once.

    Raises:
        ConfigError: a module that cannot be built, fails, or returns other shapes than its spec declares.
    """
    problems: list[Problem] = []
    untrained: dict[str, tuple[str, ...]] = {}
    graph = build_graph(experiment.wiring, device="meta")
    try:
        for name, stage in experiment.stages.items():
            wiring = experiment.wirings[name]
            staged = graph if wiring is experiment.wiring else build_graph(wiring, device="meta")
            problems += _run(experiment, staged)
            if isinstance(stage, TrainStage):
                untrained[name] = _untrained(staged, stage)
        if not experiment.stages:
            problems += _run(experiment, graph)
    except SpecError as error:
        problems.append(Problem(error.message, experiment.document.location(("graph",)), error.hint))
    if problems:
        raise ConfigError(problems)
    nodes = tuple(_node_report(graph, name) for name in experiment.wiring.nodes)
    return CheckReport(experiment.name, sum(p.numel() for p in graph.parameters()), nodes, untrained)


def _node_report(graph: Graph, name: str) -> NodeReport:
    """Parameters are counted where they live: a shared or tied one under its owner."""
    node = graph.wiring.nodes[name]
    own = {n: p for n, p in graph.get_submodule(name).named_parameters() if f"{name}.{n}" not in graph.aliases}
    component = declaration_of(node.plan.spec).name
    return NodeReport(name, component, sum(p.numel() for p in own.values()), node.outputs)


def _run(experiment: Experiment, graph: Graph) -> list[Problem]:
    """Run every node on meta tensors and compare shapes."""
    wiring = graph.wiring
    view = experiment.document.at("graph")
    used = {w.output for node in wiring.nodes.values() for w in node.wires if w.node == "batch"}
    batch = stand_in({name: shape for name, shape in wiring.inputs.items() if name in used}, 2, "meta")
    problems = []
    try:
        found = graph(batch, list(wiring.nodes))
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError) as error:
        return [Problem(f"the graph cannot run: {type(error).__name__}: {error}", view.location(()))]
    for name, node in wiring.nodes.items():
        for output, declared in node.outputs.items():
            reference = name if name == output else f"{name}.{output}"
            if reference not in found:
                problems.append(Problem(f"{reference} is declared but not returned", view.location((name,))))
            elif (got := tuple(found[reference].values.shape[1:])) != declared.dims:
                message = f"{reference} has shape {list(got)}, its spec declares {list(declared.dims)}"
                problems.append(Problem(message, view.location((name,))))
    return problems


def _untrained(graph: Graph, stage: TrainStage) -> tuple[str, ...]:
    model = TrainingModel(graph, stage.objectives).to("meta")
    reached = {name.partition(".")[0] for name in parameters_reached(model, graph.wiring.inputs)}
    with_parameters = [n for n in graph.wiring.nodes if any(True for _ in graph.get_submodule(n).parameters())]
    return tuple(name for name in with_parameters if name not in reached or name in stage.freeze)
