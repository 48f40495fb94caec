"""Wires: the edges that references like `batch.video`, `encoder` or `encoder.audio` stand for. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from antifaz.registry import SpecError

BATCH = "batch"
"""The name that stands for the data in references: `batch.video`."""

KeyPath = tuple[str | int, ...]
"""A place in the graph's mapping: a node's name, then keys and indices within it."""

In = str | tuple[str, ...] | Mapping[str, str]
"""A reference, several, or named ones."""

Arguments = str | tuple[In, ...] | Mapping[str, In]
"""What feeds several arguments, in order or by name: one reference each, or several."""


@attrs.frozen
class Wire:
    """One edge: the argument `key` of a node is the output `output` of `node` (or of BATCH)."""

    key: str
    node: str
    output: str

    @property
    def reference(self) -> str:
        return self.node if self.node == self.output and self.node != BATCH else f"{self.node}.{self.output}"

    @property
    def source(self) -> tuple[str, str]:
        """The value that it carries, whatever the reader calls it."""
        return self.node, self.output


def references(in_: Arguments | None) -> list[tuple[KeyPath, str | None, str]]:
    """Return (place within `in:`, key if one is given, reference) for everything that an `in:` names."""
    if in_ is None:
        return []
    if isinstance(in_, str):
        return [((), None, in_)]
    if isinstance(in_, Mapping):
        return [((key, *where), key, reference) for key, each in in_.items() for where, _, reference in references(each)]
    return [((i, *where), None, reference) for i, each in enumerate(in_) for where, _, reference in references(each)]


def well_formed(value: Any) -> Arguments | None:
    """Return an `in:` as it was written, or None where it is malformed: used for entries that could not be structured."""
    if isinstance(value, list):
        items = tuple(map(well_formed, value))
        return None if None in items else items  # type: ignore[return-value]
    if isinstance(value, Mapping):
        entries = {key: well_formed(each) for key, each in value.items()}
        return None if None in entries.values() else entries  # type: ignore[return-value]
    return value if isinstance(value, str) else None


def wire_inputs(in_: In | None, resolve: Callable[[str], list[Wire]]) -> tuple[Wire, ...]:
    """Return the edges of an `in:`; a mapping's key renames a single output.

    Raises:
        SpecError: unknown reference, or two values under one key.
    """
    wires: dict[str, Wire] = {}
    for _, key, reference in references(in_):
        edges = resolve(reference)
        if key is not None:
            if len(edges) != 1:
                names = ", ".join(w.reference for w in edges)
                raise SpecError(f"{key!r} names {len(edges)} outputs of {reference!r}", hint=f"name one of them: {names}")
            edges = [attrs.evolve(edges[0], key=key)]
        for edge in edges:
            if edge.key in wires:
                message = f"two inputs are called {edge.key!r}: {wires[edge.key].reference} and {edge.reference}"
                raise SpecError(message, hint="write `in:` as a mapping that names each of them")
            wires[edge.key] = edge
    return tuple(wires.values())
