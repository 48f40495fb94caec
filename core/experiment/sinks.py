"""Sinks: the objectives and metrics of a stage, each with what feeds its arguments; resolved once, when a config is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import attrs

from antifaz.core.graph.wire import Wire, wire_inputs
from antifaz.core.graph.wiring import Wiring
from antifaz.core.streams import Group
from antifaz.registry import SpecError, declaration_of

from .config import MetricEntry, ObjectiveEntry

EntryT = TypeVar("EntryT", ObjectiveEntry, MetricEntry)
ValueT = TypeVar("ValueT")


@attrs.frozen
class Sink(Generic[EntryT]):
    """An objective or metric of a stage, wired.

    entry: what the config says of it.
    wires: argument -> the edges that feed it, in the order of the component's declaration.
    groups: argument -> the declared values that arrive there.
    """

    name: str
    entry: EntryT
    wires: Mapping[str, tuple[Wire, ...]]
    groups: Mapping[str, Group]

    @property
    def references(self) -> list[str]:
        """References of all values that it reads, those of the batch included."""
        return [wire.reference for wires in self.wires.values() for wire in wires]

    def pick(self, values: Mapping[str, ValueT], argument: str) -> dict[str, ValueT]:
        """Select the values of one argument by reference, and name them as the argument's group does; absent ones are left out."""
        return {wire.key: values[wire.reference] for wire in self.wires[argument] if wire.reference in values}


def resolve_sink(name: str, entry: EntryT, wiring: Wiring) -> Sink[EntryT]:
    """Wire an objective or metric.

    Raises:
        SpecError: unknown references; too few, too many or misnamed arguments.
    """
    names, in_ = declaration_of(entry.spec).arguments, entry.in_
    if isinstance(in_, Mapping):
        given = dict(in_)
    else:
        listed = (in_,) if isinstance(in_, str) else in_
        if len(listed) != len(names):
            hint = f"in order: {', '.join(names)}; several for one of them are a list of their own"
            raise SpecError(f"{len(listed)} inputs for {len(names)} arguments", field="in", hint=hint)
        given = dict(zip(names, listed, strict=True))
    if set(given) != set(names):
        raise SpecError(f"the arguments are {', '.join(names)}, not {', '.join(given)}", field="in")
    wires = {argument: wire_inputs(given[argument], wiring.resolve) for argument in names}
    groups = {argument: {w.key: wiring.value(w.node, w.output) for w in edges} for argument, edges in wires.items()}
    return Sink(name, entry, wires, groups)
