"""The graph: nodes with their parameters and FLOPs, requested outputs, unused and shared nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from antifaz.analysis.cost import OutputFlops, forward_flops
from antifaz.core.experiment import Experiment, validation_of
from antifaz.core.graph.module import Graph
from antifaz.core.graph.wire import BATCH, Wire
from antifaz.core.graph.wiring import Wiring
from antifaz.core.streams import Stream, Value
from antifaz.registry import declaration_of

from .nodes import meta_batch


@attrs.frozen
class NodeReport:
    """A node of the graph. flops: forward, one sample, when every output is asked for. outputs: without the batch axis."""

    name: str
    component: str
    parameters: int
    flops: int
    outputs: Mapping[str, Value]

    def json(self) -> dict[str, Any]:
        outputs = {name: _value_json(value) for name, value in self.outputs.items()}
        return {"component": self.component, "parameters": self.parameters, "flops": self.flops, "outputs": outputs}


@attrs.frozen
class OutputReport:
    """One requested output. needs: entries of the data. flops: forward, one sample, for this output alone."""

    needs: tuple[str, ...]
    nodes: tuple[str, ...]
    flops: int


@attrs.frozen
class SharedReport:
    """A node with another's weights. options: where its options differ, in words: the same weights may then be another map."""

    owner: str
    options: tuple[str, ...]


def _value_json(value: Value) -> dict[str, Any]:
    if isinstance(value, Stream):
        return {"kind": "tokens", "shape": list(value.dims), "grid": list(value.grid), "latent": value.latent}
    return {"kind": "features", "shape": list(value.dims), "dtype": value.dtype}


def report_nodes(graph: Graph) -> dict[str, NodeReport]:
    """Report on every node of a graph on the meta device."""
    nodes = list(graph.wiring.nodes)
    flops = forward_flops(graph, meta_batch(graph.wiring, 1), nodes)
    return {name: _report_node(graph, name, flops[name]) for name in nodes}


def _report_node(graph: Graph, name: str, flops: int) -> NodeReport:
    """Report on a node. Parameters are counted where they live: a shared or tied one under its owner."""
    node = graph.wiring.nodes[name]
    own = {n: p for n, p in graph.get_submodule(name).named_parameters() if f"{name}.{n}" not in graph.aliases}
    return NodeReport(name, declaration_of(node.plan.spec).name, sum(p.numel() for p in own.values()), flops, node.outputs)


def requested_wires(experiment: Experiment) -> dict[str, list[Wire]]:
    """Map each stage to the outputs that its objectives or metrics read; without stages, "" to the outputs of the graph's ends."""
    if not experiment.stages:
        wiring = experiment.wiring
        return {"": [wire for name in wiring.unused() for wire in wiring.resolve(name)]}
    return {name: stage_wires(experiment, name) for name in experiment.stages}


def stage_wires(experiment: Experiment, name: str) -> list[Wire]:
    """List the outputs of nodes that a stage's objectives or metrics read, those of its validation included."""
    sinks = [*experiment.sinks[name].values(), *experiment.sinks.get(validation_of(name), {}).values()]
    wires = [wire for sink in sinks for wires in sink.wires.values() for wire in wires]
    return [wire for wire in wires if wire.node != BATCH]


def report_outputs(graphs: Mapping[str, Graph], requested: Mapping[str, list[Wire]]) -> dict[str, OutputReport]:
    """Report on each requested output, on the last graph that has it. graphs: by stage, on the meta device."""
    references = dict.fromkeys(wire.reference for wires in requested.values() for wire in wires)
    reports = {}
    counts: dict[str, OutputFlops] = {}
    for reference in references:
        stage, graph = next((s, g) for s, g in reversed(list(graphs.items())) if g.wiring.has(reference))
        if stage not in counts:
            counts[stage] = OutputFlops(graph, meta_batch(graph.wiring, 1))
        plan = graph.wiring.needed_for(graph.wiring.resolve(reference))
        nodes = tuple(name for name in graph.wiring.nodes if name in plan)
        needs = {w.output for n in nodes for w in graph.wiring.nodes[n].wires if w.node == BATCH and w.key in plan[n][1]}
        reports[reference] = OutputReport(tuple(sorted(needs)), nodes, counts[stage](reference))
    return reports


def unused_nodes(experiment: Experiment, requested: Mapping[str, list[Wire]]) -> tuple[str, ...]:
    """List the nodes of any graph that no requested output of any stage needs."""
    needed = {node for stage, wires in requested.items() for node in experiment.wirings[stage].needed_for(wires)}
    every = dict.fromkeys(node for wiring in experiment.graphs.values() for node in wiring.nodes)
    return tuple(node for node in every if node not in needed)


def shared_nodes(wiring: Wiring) -> dict[str, SharedReport]:
    """Report on the nodes that have another's weights."""
    reports = {}
    for name, node in wiring.nodes.items():
        if (owner := node.plan.share) is not None:
            own, others = (attrs.asdict(n.plan.spec, recurse=False) for n in (node, wiring.nodes[owner]))  # type: ignore[arg-type]
            differing = (key for key, value in own.items() if value != others.get(key))
            reports[name] = SharedReport(owner, tuple(f"{key} {own[key]}, there {others.get(key)}" for key in differing))
    return reports
