"""The nodes of a graph on the meta device, one by one: what each hands over is held against its spec before it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import Graph
from antifaz.core.graph.wire import BATCH, Wire
from antifaz.core.graph.wiring import WiredNode, Wiring
from antifaz.core.tokens import Features, Tokens
from antifaz.data.contract import trace_of
from antifaz.engine.contract.failures import advice
from antifaz.engine.contract.nodes import WRAP_HINT, handover_faults, wrapping_fault
from antifaz.registry import PLUGIN_FAULT_HINT, Problem, failure, plugin_of, with_lines

Values = Mapping[str, Tokens | Features]


def meta_batch(wiring: Wiring, size: int) -> dict[str, Features]:
    """Make a batch on the meta device with the entries that the graph reads."""
    read = {w.output for node in wiring.nodes.values() for w in node.wires if w.node == BATCH}
    return fake_batch({name: shape for name, shape in wiring.inputs.items() if name in read}, size, "meta")


def node_problems(graph: Graph, batch: Mapping[str, Features] | None = None, prefix: str = "") -> list[Problem]:
    """Run every node, in the mode that the graph is in, and report those that fail or hand over what their specs do not declare.

    Nodes that read from one that is reported are left out. batch: on the meta device, default everything that the graph reads, for
    two samples. prefix: of messages.
    """
    entries = meta_batch(graph.wiring, 2) if batch is None else batch
    size = next((len(entry.values) for entry in entries.values()), 1)
    values: dict[tuple[str, str], Tokens | Features] = {(BATCH, name): entry for name, entry in entries.items()}
    influences = graph.wiring.influences()
    lost: set[str] = set()
    problems: list[Problem] = []
    for name, node in graph.wiring.nodes.items():
        heard = {output: influences[Wire("", name, output).reference] for output in node.outputs}
        asked = frozenset(output for output, inputs in heard.items() if not inputs or not inputs.isdisjoint(entries))
        needed = node.needs(asked)
        arriving = {w.key: values[w.source] for w in node.wires if w.key in needed and w.source in values}
        if any(wire.node in lost for wire in node.wires):
            lost.add(name)
        elif asked and (arriving or not node.wires):
            leaving, faults = _run(graph, node, arriving, asked, size, prefix)
            values |= {(name, output): value for output, value in leaving.items()}
            problems += faults
            lost |= {name} if faults else set()
    return problems


class _NoValue(Exception):
    """A module has returned what is no value of a graph."""


@contextmanager
def _wrapping_checked(graph: Graph, node: WiredNode) -> Any:
    """Hold what the module of a node returns against the types that a graph knows, before axes are unfolded."""

    def hook(module: Any, arguments: Any, returned: Any) -> None:
        if (fault := wrapping_fault(returned)) is not None:
            raise _NoValue(fault)

    handle = graph.get_submodule(node.name).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _run(
    graph: Graph, node: WiredNode, arriving: Values, asked: frozenset[str], size: int, prefix: str
) -> tuple[Values, list[Problem]]:
    """Return what a node hands over, and what is wrong with that."""
    spec, place = node.plan.spec, graph.wiring.locate((node.name,))
    who = f"{prefix}node {node.name!r}: {node.plan.words} of the plugin {plugin_of(spec)!r}"
    try:
        with _wrapping_checked(graph, node):
            leaving = graph.run_node(node, arriving, asked, size)
    except _NoValue as fault:
        return {}, [Problem(f"{who} hands over {fault}", place, WRAP_HINT)]
    except Exception as error:  # whatever a plugin's own code raises
        message = f"{prefix}{node.plan.words} cannot run: {failure(error, spec)}"
        hint = with_lines(error, spec, advice(error, PLUGIN_FAULT_HINT))
        return {}, [Problem(message, place, hint, trace_of(error))]
    complete = len(arriving) == len(node.needs(asked))  # outputs may be left out where inputs are absent
    faults = handover_faults(node, leaving, asked if complete else (), size, shapes=not graph.training)
    return leaving, [Problem(f"{who} {fault}", place, hint) for fault, hint in faults]
