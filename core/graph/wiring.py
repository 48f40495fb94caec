"""Wiring: references become edges, shapes flow along them, and routings compose into who may influence whom. No torch.

A wiring is made from nodes and declared input shapes alone, in well under a second; `Graph` builds the modules from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from antifaz.core.kinds import Kind, kind_of
from antifaz.core.routing import Influence, Routing, compose, needed, routing_fault
from antifaz.core.streams import Group, Shape, Stream, Value, parameter_name
from antifaz.registry import PLUGIN_FAULT_HINT, Location, SpecError, declaration_of, failure, suggest
from antifaz.registry.specs.holding import holding

from .batch_axes import fold, folded, unfolded
from .wire import BATCH, Arguments, In, KeyPath, Wire, references, wire_inputs


class Report(Protocol):
    """Takes one problem: where in the graph's mapping it is, what is wrong, and what to do."""

    def __call__(self, path: KeyPath, message: str, hint: str | None = None) -> None: ...


@attrs.frozen
class NodePlan:
    """The plan of a node: its spec, the sources of its inputs, and what it borrows from other nodes."""

    spec: Any
    in_: In | None = None
    share: str | None = None
    tie: Mapping[str, str] = attrs.Factory(dict)
    batch_axes: int = 1

    @property
    def words(self) -> str:
        """Its kind and name, for people."""
        declaration = declaration_of(self.spec)
        return f"the {declaration.kind} {declaration.name!r}"


@attrs.frozen
class WiredNode:
    """A node with everything that is known before it is built."""

    name: str
    plan: NodePlan
    wires: tuple[Wire, ...]
    inputs: Group
    outputs: Group
    routings: tuple[Routing, ...]

    @property
    def kind(self) -> Kind:
        return kind_of(self.plan.spec)

    @property
    def inner_inputs(self) -> Group:
        """Return the inputs as the module sees them: without the axes that are folded into the batch."""
        return folded(self.inputs, self.plan.batch_axes)

    def influence(self) -> Influence:
        """output -> the input keys that it may depend on."""
        state = compose(self.routings, self.inputs)
        return {name: state.get(name, frozenset()) & frozenset(self.inputs) for name in self.outputs}

    def needs(self, outputs: Iterable[str]) -> frozenset[str]:
        """The input keys that must be there to compute these outputs."""
        return needed(self.routings, outputs) & frozenset(self.inputs)


@attrs.frozen
class Wiring:
    """The nodes in an order in which they can run, and the shapes of the data they start from.

    broken: names of nodes that are left out because something was wrong with them, and has been reported.
    locate: where the value at a path (a node's name, then its keys) was written.
    """

    nodes: Mapping[str, WiredNode]
    inputs: Mapping[str, Shape]
    broken: frozenset[str] = frozenset()
    locate: Callable[[KeyPath], Location] = attrs.field(default=lambda path: Location("graph"), eq=False, repr=False)

    def value(self, node: str, output: str) -> Value:
        return self.inputs[output] if node == BATCH else self.nodes[node].outputs[output]

    def resolve(self, reference: str) -> list[Wire]:
        """Return the edges that a reference stands for: all outputs of a node, or one.

        Raises:
            SpecError: unknown node or output, with the nearest name.
        """
        node, dot, output = reference.partition(".")
        if dot and not output:
            raise SpecError(f"the reference {reference!r} ends in a dot", hint=f"write {node}, or {node}.OUTPUT")
        if node == BATCH:
            return [_pick(reference, BATCH, output, self.inputs)] if output else [Wire(n, BATCH, n) for n in self.inputs]
        if node not in self.nodes:
            hint = suggest(node, sorted({*self.nodes, *self.broken, BATCH}), noun="nodes")
            raise SpecError(f"unknown node {node!r} in the reference {reference!r}", hint=hint)
        outputs = self.nodes[node].outputs
        return [_pick(reference, node, output, outputs)] if output else [Wire(name, node, name) for name in outputs]

    def has(self, reference: str) -> bool:
        """Return True if the reference stands for anything."""
        try:
            return bool(self.resolve(reference))
        except SpecError:
            return False

    def influences(self) -> dict[str, frozenset[str]]:
        """Return, for the reference of every output, the inputs that it may depend on by the routings alone."""
        state: dict[tuple[str, str], frozenset[str]] = {(BATCH, name): frozenset([name]) for name in self.inputs}
        result = {}
        for node in self.nodes.values():
            arriving = {wire.key: state[wire.node, wire.output] for wire in node.wires}
            for output, keys in node.influence().items():
                state[node.name, output] = frozenset().union(*(arriving[key] for key in keys))
                result[Wire(output, node.name, output).reference] = state[node.name, output]
        return result

    def needed_for(self, outputs: Iterable[Wire]) -> dict[str, tuple[frozenset[str], frozenset[str]]]:
        """Return the nodes that must run for these outputs, each with (the outputs asked of it, the input keys it needs)."""
        asked: dict[str, set[str]] = {}
        for wire in outputs:
            asked.setdefault(wire.node, set()).add(wire.output)
        plan: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        for node in reversed(list(self.nodes.values())):
            wanted = asked.get(node.name)
            if not wanted:
                continue
            keys = node.needs(wanted)
            plan[node.name] = (frozenset(wanted), keys)
            for wire in node.wires:
                if wire.key in keys:
                    asked.setdefault(wire.node, set()).add(wire.output)
        return plan

    def unused(self) -> list[str]:
        """Return the nodes that no other node reads: the graph's ends."""
        read = {wire.node for node in self.nodes.values() for wire in node.wires}
        return [name for name in self.nodes if name not in read]


def _pick(reference: str, node: str, output: str, outputs: Mapping[str, Value]) -> Wire:
    if output not in outputs:
        owner = "the data" if node == BATCH else f"node {node!r}"
        noun = "entries" if node == BATCH else "outputs"
        raise SpecError(f"{owner} has no {output!r} (reference {reference!r})", hint=suggest(output, list(outputs), noun=noun))
    return Wire(output, node, output)


def wire(
    plans: Mapping[str, NodePlan], inputs: Mapping[str, Shape], report: Report, broken: Mapping[str, Arguments | None] | None = None
) -> Wiring:
    """Wire nodes in topological order; every mistake goes to `report`, and what depends on it is left out in silence.

    broken: the `in:` of nodes that could not be read otherwise; their references are checked, those to them not reported again.
    BATCH among them means that not every entry of the data is known.
    """
    broken = broken or {}
    readers = {name: plan.in_ for name, plan in plans.items()} | {n: in_ for n, in_ in broken.items() if n != BATCH}
    known = {*readers, BATCH}
    order = [name for name in _order(readers, known, report) if name in plans]
    wiring = Wiring({}, inputs)
    nodes: dict[str, WiredNode] = {}
    for name in order:
        plan = plans[name]
        if any(_is_lost(reference, nodes, inputs, broken) for _, _, reference in references(plan.in_)):
            continue
        try:
            nodes[name] = _wire_node(name, plan, attrs.evolve(wiring, nodes=nodes))
        except SpecError as error:
            field = () if error.field is None else (error.field,)
            report((name, *field), error.message, error.hint)
        except Exception as error:  # what a plugin's own code raises
            report((name,), f"{plan.words} failed: {failure(error, plan.spec)}", PLUGIN_FAULT_HINT)
    return Wiring(nodes, inputs, frozenset(known - set(nodes) - {BATCH}) | (frozenset(broken) & {BATCH}))


def _is_lost(reference: str, nodes: Mapping[str, WiredNode], inputs: Mapping[str, Shape], broken: Mapping[str, Any]) -> bool:
    """Return True if a reference is to something that was left out, so that nothing more can be said of it."""
    source, _, entry = reference.partition(".")
    return (BATCH in broken and entry not in inputs) if source == BATCH else source not in nodes


def _wire_node(name: str, plan: NodePlan, wiring: Wiring) -> WiredNode:
    try:
        wires = wire_inputs(plan.in_, wiring.resolve)
    except SpecError as error:
        raise SpecError(error.message, field="in", hint=error.hint) from None
    kind = kind_of(plan.spec)
    if kind.accepts == "nothing" and wires:
        raise SpecError(f"{kind.name} take no input", field="in", hint="remove `in:`")
    if kind.accepts != "nothing" and not wires:
        raise SpecError(f"a {kind.name} needs an input", field="in", hint="add `in: NODE`, or `in: batch.NAME` for the data")
    inputs = {each.key: _named(each.key, wiring.value(*each.source)) for each in wires}
    _accept(kind, inputs)
    arriving, lead = fold(inputs, plan.batch_axes)
    inner = folded(arriving, plan.batch_axes)
    spec = holding(plan.spec, "mask", "routing", routing_fault)
    leaving = spec.outputs(inner)
    bare = isinstance(leaving, Stream | Shape)
    outputs = {key: unfolded(_named(key, value), lead) for key, value in ({name: leaving} if bare else leaving).items()}
    _require_own_parameters((*arriving, *(key for key in outputs if key not in arriving)))
    return WiredNode(name, plan, wires, arriving, outputs, routings_of(spec, inner, list(outputs), bare=bare))


def _require_own_parameters(names: Iterable[str]) -> None:
    """Refuse names that differ only where names of parameters cannot."""
    streams: dict[str, str] = {}
    for name in names:
        other = streams.setdefault(parameter_name(name), name)
        if other != name:
            hint = "write `in:` as a mapping that gives one of them another name"
            raise SpecError(f"{other!r} and {name!r} are too much alike for parameters named after them", field="in", hint=hint)


def _named(name: str, value: Value) -> Value:
    return attrs.evolve(value, name=name) if isinstance(value, Stream) else value


def _accept(kind: Kind, inputs: Group) -> None:
    """Refuse tokens where features belong, and the other way round."""
    wants_tokens = kind.accepts == "tokens"
    for key, value in inputs.items():
        if wants_tokens != isinstance(value, Stream):
            wanted, got = ("tokens", "a plain tensor") if wants_tokens else ("a plain tensor", "tokens")
            hint = "put a tokenizer before it" if wants_tokens else "put a readout before it"
            raise SpecError(f"a {kind.name} takes {wanted}, but {key!r} is {got}", field="in", hint=hint)
    if kind.accepts == "one tensor" and len(inputs) != 1:
        raise SpecError(f"a {kind.name} takes one input, not {len(inputs)}: {', '.join(inputs)}", field="in")


def routings_of(spec: Any, inputs: Group, outputs: Sequence[str], *, bare: bool) -> tuple[Routing, ...]:
    """Return the spec's own routings; a component without any maps namesakes one to one, or else all inputs to all outputs.

    bare: the only output has no name of its own but the node's; it reads every input.
    """
    if hasattr(spec, "routings") and not bare:
        return tuple(spec.routings(inputs))
    if not inputs:
        return ()
    if set(outputs) <= set(inputs) and not bare:
        reads: dict[str, Sequence[str]] = {name: [name] for name in outputs}
    else:
        reads = {name: list(inputs) for name in outputs}
    return (Routing.full(reads, learned_readers=True),)


def _order(readers: Mapping[str, Arguments | None], known: set[str], report: Report) -> list[str]:
    """Return names in an order in which inputs come first. Unknown references and cycles go to `report`."""
    sources: dict[str, list[str]] = {}
    for name, in_ in readers.items():
        reads = []
        for where, _, reference in references(in_):
            source = reference.partition(".")[0]
            if source not in known:
                hint = suggest(source, sorted(known - {name}), noun="nodes")
                report((name, "in", *where), f"unknown node {source!r} in the reference {reference!r}", hint)
            if source != BATCH:
                reads.append(source)
        sources[name] = reads
    order: list[str] = []
    for name in readers:
        _visit(name, sources, order, (), report)
    return order


def _visit(name: str, sources: Mapping[str, list[str]], order: list[str], trail: tuple[str, ...], report: Report) -> None:
    if name not in sources or name in order:
        return
    if name in trail:
        cycle = " <- ".join([*trail[trail.index(name) :], name])
        report((name, "in"), f"the nodes form a cycle: {cycle}", "a node cannot read what it produces; cut an edge")
        return
    for source in sources[name]:
        _visit(source, sources, order, (*trail, name), report)
    if name not in order:
        order.append(name)
