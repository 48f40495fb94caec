"""The graph as a picture: boxes in layers from the data down, drawn from the wiring alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import attrs

from antifaz.core.graph.wiring import BATCH, WiredNode, Wiring
from antifaz.core.streams import Stream, Value
from antifaz.registry import declaration_of

TIMES = " \N{MULTIPLICATION SIGN} "
LETTER, ROW, PADDING = 6.9, 16.0, 12.0
"""Width of a letter and height of a row at the size of the text, in units of the picture."""
BOLD = 1.25
"""Width of a letter of a title, in other letters."""
ACROSS, DOWN = 26.0, 54.0
"""Room between boxes of a layer and between layers."""
BEND = 14.0
"""Width that an edge takes where it passes a layer."""
SHOWN = 6
"""Outputs that a box lists."""
SWEEPS = 4


@attrs.define(eq=False)
class Box:
    """A node, an entry of the data, or (without title) the place where an edge passes a layer."""

    title: str
    subtitle: str
    rows: tuple[str, ...]
    kind: str
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = BEND
    height: float = 0.0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


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
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: float
    height: float


def picture(wiring: Wiring) -> GraphPicture:
    """Boxes in layers, each below everything that it reads; edges with the outputs that they carry."""
    boxes = _boxes(wiring)
    edges = _edges(wiring)
    _put_in_layers(boxes, edges, wiring)
    routes = {edge: _route(boxes[edge[0]], boxes[edge[1]]) for edge in edges}
    layers = _ordered(boxes, routes)
    width, height = _place(layers)
    arrows = [_arrow(routes[edge], references, _label(wiring, edge[0], references)) for edge, references in edges.items()]
    return GraphPicture(tuple(boxes.values()), tuple(arrows), width, height)


def _boxes(wiring: Wiring) -> dict[str, Box]:
    """The entries of the data that are read, and the nodes; by name, entries as `batch.NAME`."""
    read = {wire.output for node in wiring.nodes.values() for wire in node.wires if wire.node == BATCH}
    boxes = {f"{BATCH}.{n}": _box(f"{BATCH}.{n}", "data", (size(v),), "data") for n, v in wiring.inputs.items() if n in read}
    for name, node in wiring.nodes.items():
        shared = f" · weights of {node.plan.share}" if node.plan.share else ""
        boxes[name] = _box(name, f"{declaration_of(node.plan.spec).name}{shared}", _rows(node), node.kind.name)
    return boxes


def _rows(node: WiredNode) -> tuple[str, ...]:
    """The outputs and their sizes; those of one size share a row."""
    by_size: dict[str, list[str]] = {}
    for name, value in node.outputs.items():
        by_size.setdefault(size(value), []).append(name)
    if list(node.outputs) == [node.name]:
        return tuple(by_size)
    rows = [f"{', '.join(names)}: {dims}" for dims, names in by_size.items()]
    more = len(rows) - SHOWN
    return (*rows[:SHOWN], f"and {more} more") if more > 0 else tuple(rows)


def size(value: Value) -> str:
    """Tokens times width of a stream, or the sizes of a plain tensor."""
    if isinstance(value, Stream):
        lead = "".join(f"{n}{TIMES}" for n in value.lead)
        return f"{lead}{value.tokens} tokens{TIMES}{value.width}"
    return TIMES.join(map(str, value.dims)) or "one number"


def _box(title: str, subtitle: str, rows: tuple[str, ...], kind: str) -> Box:
    letters = max(len(title) * BOLD, *(len(text) for text in (subtitle, *rows)))
    height = (2 + len(rows)) * ROW + PADDING
    return Box(title, subtitle, rows, kind, width=letters * LETTER + 2 * PADDING, height=height)


def _edges(wiring: Wiring) -> dict[tuple[str, str], list[str]]:
    """(source box, target box) -> the references that this edge carries."""
    edges: dict[tuple[str, str], list[str]] = {}
    for name, node in wiring.nodes.items():
        for wire in node.wires:
            source = wire.reference if wire.node == BATCH else wire.node
            edges.setdefault((source, name), []).append(wire.reference)
    return edges


def _label(wiring: Wiring, source: str, references: Sequence[str]) -> str:
    """Which outputs go along an edge, if not all that there are."""
    if source not in wiring.nodes or len(references) == len(wiring.nodes[source].outputs):
        return ""
    return ", ".join(reference.partition(".")[2] for reference in references)


def _put_in_layers(boxes: Mapping[str, Box], edges: Mapping[tuple[str, str], object], wiring: Wiring) -> None:
    """Each node one below the lowest that it reads; what reads nothing just above its first reader."""
    for name in wiring.nodes:  # in an order in which they can run
        boxes[name].layer = 1 + max((boxes[a].layer for a, b in edges if b == name), default=-1)
    for name, box in boxes.items():
        readers = [boxes[b].layer for a, b in edges if a == name]
        if readers and all(b != name for _, b in edges):
            box.layer = min(readers) - 1


def _route(source: Box, target: Box) -> list[Box]:
    """From box to box by way of a bend in every layer between."""
    bends = [Box("", "", (), "bend", layer) for layer in range(source.layer + 1, target.layer)]
    return [source, *bends, target]


def _ordered(boxes: Mapping[str, Box], routes: Mapping[tuple[str, str], list[Box]]) -> list[list[Box]]:
    """The layers, each in an order in which few edges cross: by the mean place of neighbours, swept down and up."""
    every = [*boxes.values(), *(bend for route in routes.values() for bend in route[1:-1])]
    layers = [[box for box in every if box.layer == i] for i in range(1 + max((box.layer for box in every), default=-1))]
    near: dict[int, dict[Box, list[Box]]] = {-1: {}, 1: {}}
    for route in routes.values():
        for above, below in pairwise(route):
            near[-1].setdefault(below, []).append(above)
            near[1].setdefault(above, []).append(below)
    for sweep in range(SWEEPS):
        side = -1 if sweep % 2 == 0 else 1
        for layer in layers if side == -1 else reversed(layers):
            place = {box: i / max(1, len(each) - 1) for each in layers for i, box in enumerate(each)}

            def wish(box: Box, place: dict[Box, float] = place, side: int = side) -> float:
                neighbours = near[side].get(box, [])
                return sum(place[n] for n in neighbours) / len(neighbours) if neighbours else place[box]

            layer.sort(key=wish)
    return layers


def _place(layers: Sequence[Sequence[Box]]) -> tuple[float, float]:
    """Give every box its place, layers in the middle; returns the size of the picture."""
    widths = [sum(box.width for box in layer) + ACROSS * (len(layer) - 1) for layer in layers]
    whole, y = max(widths, default=0.0) + 2.0, 1.0
    for layer, width in zip(layers, widths, strict=True):
        x, height = (whole - width) / 2, max(box.height for box in layer)
        for box in layer:
            box.x, box.y = round(x, 1), round(y + (height - box.height) / 2, 1)
            x += box.width + ACROSS
        y += height + DOWN
    return round(whole, 1), round(max(2.0, y - DOWN + 1), 1)


def _arrow(route: Sequence[Box], references: Sequence[str], label: str) -> Arrow:
    """A curve down through the bends; it leaves and enters upright."""
    path = f"M{route[0].middle:.1f} {route[0].y + route[0].height:.1f}"
    for above, below in pairwise(route):
        top, end = above.y + above.height, below.y
        half = (end - top) / 2
        path += f"C{above.middle:.1f} {top + half:.1f} {below.middle:.1f} {end - half:.1f} {below.middle:.1f} {end:.1f}"
    target, left = route[-1], route[-2].middle > route[-1].middle
    x = round(target.middle + (-8 if left else 8), 1)
    return Arrow(path, label, f"{', '.join(references)} to {target.title}", x, round(target.y - 8, 1), "end" if left else "start")
