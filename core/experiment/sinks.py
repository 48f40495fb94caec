"""The edges and values that feed the arguments of objectives and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from antifaz.core.graph.wiring import In, Wire, Wiring, wire_inputs
from antifaz.core.streams import Group
from antifaz.registry import (
    SpecError,
    declaration_of,
)

if TYPE_CHECKING:
    from antifaz.core.tokens import Features, Tokens


def arguments(spec: Any, in_: In, wiring: Wiring) -> dict[str, tuple[Wire, ...]]:
    """The edges of each argument of an objective or metric, in the order of its declaration.

    Raises:
        SpecError: too few, too many or misnamed arguments.
    """
    names = declaration_of(spec).arguments
    if isinstance(in_, Mapping):
        given = dict(in_)
    else:
        listed = (in_,) if isinstance(in_, str) else in_
        if len(listed) != len(names):
            raise SpecError(f"{len(listed)} inputs for {len(names)} arguments", field="in", hint=f"in order: {', '.join(names)}")
        given = dict(zip(names, listed, strict=True))
    if set(given) != set(names):
        raise SpecError(f"the arguments are {', '.join(names)}, not {', '.join(given)}", field="in")
    return {name: wire_inputs(given[name], wiring.resolve) for name in names}


def argument_groups(spec: Any, in_: In, wiring: Wiring) -> dict[str, Group]:
    """What arrives at each argument of an objective or metric."""
    found = arguments(spec, in_, wiring)
    return {name: {w.key: wiring.value(w.node, w.output) for w in wires} for name, wires in found.items()}


class Inputs:
    """The edges that feed the arguments of an objective or metric."""

    def __init__(self, spec: Any, in_: In, wiring: Wiring) -> None:
        self.wires = arguments(spec, in_, wiring)
        self.groups = argument_groups(spec, in_, wiring)

    @property
    def references(self) -> list[str]:
        """What the graph must compute; entries of the data come with the batch."""
        return [wire.reference for wires in self.wires.values() for wire in wires]

    def pick(self, values: Mapping[str, Tokens | Features], argument: str) -> dict[str, Features]:
        """The group of one argument out of what the graph returned; absent members are left out."""
        from antifaz.core.tokens import Features

        found = {w.key: values[w.reference] for w in self.wires[argument] if w.reference in values}
        return {key: value for key, value in found.items() if isinstance(value, Features)}
