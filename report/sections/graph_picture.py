"""The graph as a picture: its nodes and the entries that they read as boxes, from the wiring alone."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from antifaz.core.graph.wire import BATCH
from antifaz.core.graph.wiring import WiredNode, Wiring
from antifaz.core.streams import Stream, Value
from antifaz.registry import declaration_of

from .graph_layout import Box, Edge, curve, lay_out

TIMES = " \N{MULTIPLICATION SIGN} "
LETTER, ROW, PADDING = 6.9, 16.0, 12.0
"""Width of a letter and height of a row at the size of the text, in units of the picture."""
BOLD = 1.25
"""Width of a letter of a title, in other letters."""
SHOWN = 6
"""Outputs that a box lists."""


@attrs.frozen
class Arrow:
    """path: of SVG. label: which outputs it carries, where not all; it stands at (x, y), on the outer side of the curve."""

    path: str
    label: str
    hint: str
    x: float
    y: float
    anchor: str


@attrs.frozen
class GraphPicture:
    """Boxes and arrows with their places, in units of the picture."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float


def graph_picture(wiring: Wiring) -> GraphPicture:
    """Draw boxes in layers, each below everything that it reads, and edges with the outputs that they carry."""
    boxes = _boxes(wiring)
    edges = _edges(wiring)
    layout = lay_out(boxes, list(edges))
    arrows = [_arrow(layout.routes[edge], references, _label(wiring, edge[0], references)) for edge, references in edges.items()]
    return GraphPicture(tuple(boxes.values()), tuple(arrows), layout.width, layout.height)


def _boxes(wiring: Wiring) -> dict[str, Box]:
    """Make a box of every entry of the data that is read, and of every node; by name, entries as `batch.NAME`."""
    read = {wire.output for node in wiring.nodes.values() for wire in node.wires if wire.node == BATCH}
    boxes = {f"{BATCH}.{n}": _box(f"{BATCH}.{n}", "data", (size(v),), "data") for n, v in wiring.inputs.items() if n in read}
    for name, node in wiring.nodes.items():
        shared = f" · weights of {node.plan.share}" if node.plan.share else ""
        boxes[name] = _box(name, f"{declaration_of(node.plan.spec).name}{shared}", _rows(node), node.kind.name)
    return boxes


def _rows(node: WiredNode) -> tuple[str, ...]:
    """List the outputs and their sizes; those of one size share a row."""
    by_size: dict[str, list[str]] = {}
    for name, value in node.outputs.items():
        by_size.setdefault(size(value), []).append(name)
    if list(node.outputs) == [node.name]:
        return tuple(by_size)
    rows = [f"{', '.join(names)}: {dims}" for dims, names in by_size.items()]
    more = len(rows) - SHOWN
    return (*rows[:SHOWN], f"and {more} more") if more > 0 else tuple(rows)


def size(value: Value) -> str:
    """Write tokens times width of a stream, or the sizes of a plain tensor."""
    if isinstance(value, Stream):
        lead = "".join(f"{n}{TIMES}" for n in value.lead)
        return f"{lead}{value.tokens} tokens{TIMES}{value.width}"
    return TIMES.join(map(str, value.dims)) or "one number"


def _box(title: str, subtitle: str, rows: tuple[str, ...], kind: str) -> Box:
    letters = max(len(title) * BOLD, *(len(text) for text in (subtitle, *rows)))
    height = (2 + len(rows)) * ROW + PADDING
    return Box(title, subtitle, rows, kind, width=letters * LETTER + 2 * PADDING, height=height)


def _edges(wiring: Wiring) -> dict[Edge, list[str]]:
    """Map each edge to the references that it carries."""
    edges: dict[Edge, list[str]] = {}
    for name, node in wiring.nodes.items():
        for wire in node.wires:
            source = wire.reference if wire.node == BATCH else wire.node
            edges.setdefault((source, name), []).append(wire.reference)
    return edges


def _label(wiring: Wiring, source: str, references: Sequence[str]) -> str:
    """Name the outputs that go along an edge, unless all do."""
    if source not in wiring.nodes or len(references) == len(wiring.nodes[source].outputs):
        return ""
    return ", ".join(reference.partition(".")[2] for reference in references)


def _arrow(route: Sequence[Box], references: Sequence[str], label: str) -> Arrow:
    target, left = route[-1], route[-2].middle > route[-1].middle
    x = round(target.middle + (-8 if left else 8), 1)
    hint = f"{', '.join(references)} to {target.title}"
    return Arrow(curve(route), label, hint, x, round(target.y - 8, 1), "end" if left else "start")
