"""The layout of a directed graph: boxes in layers, each below everything that it reads, and curves between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import attrs

ACROSS, DOWN = 26.0, 54.0
"""Room between boxes of a layer and between layers, in units of the picture."""
BEND = 14.0
"""Width that an edge takes where it passes a layer."""
SWEEPS = 4

Edge = tuple[str, str]
"""The names of the source box and of the target box."""


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
class Layout:
    """routes: the boxes and bends of each edge, from its source to its target. The boxes have their places."""

    routes: Mapping[Edge, Sequence[Box]]
    width: float
    height: float


def lay_out(boxes: Mapping[str, Box], edges: Sequence[Edge]) -> Layout:
    """Give every box its place. boxes: by name, each after those that it reads."""
    _put_in_layers(boxes, edges)
    routes = {edge: _route(boxes[edge[0]], boxes[edge[1]]) for edge in edges}
    width, height = _place(_order(boxes, routes))
    return Layout(routes, width, height)


def curve(route: Sequence[Box]) -> str:
    """Return the SVG path of an edge: down through its bends, upright where it leaves a box and enters one."""
    path = f"M{route[0].middle:.1f} {route[0].y + route[0].height:.1f}"
    for above, below in pairwise(route):
        top, end = above.y + above.height, below.y
        half = (end - top) / 2
        path += f"C{above.middle:.1f} {top + half:.1f} {below.middle:.1f} {end - half:.1f} {below.middle:.1f} {end:.1f}"
    return path


def _put_in_layers(boxes: Mapping[str, Box], edges: Sequence[Edge]) -> None:
    """Put each box one layer below the lowest that it reads; those that read nothing go just above their first reader."""
    for name, box in boxes.items():
        box.layer = 1 + max((boxes[source].layer for source, target in edges if target == name), default=-1)
    for name, box in boxes.items():
        readers = [boxes[target].layer for source, target in edges if source == name]
        if readers and all(target != name for _, target in edges):
            box.layer = min(readers) - 1


def _route(source: Box, target: Box) -> list[Box]:
    """Return the way from box to box with a bend in every layer between."""
    bends = [Box("", "", (), "bend", layer) for layer in range(source.layer + 1, target.layer)]
    return [source, *bends, target]


def _order(boxes: Mapping[str, Box], routes: Mapping[Edge, list[Box]]) -> list[list[Box]]:
    """Order the boxes of each layer so that few edges cross: by the mean place of neighbours, swept down and up."""
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
    """Give every box its place, layers in the middle; return the size of the picture."""
    widths = [sum(box.width for box in layer) + ACROSS * (len(layer) - 1) for layer in layers]
    whole, y = max(widths, default=0.0) + 2.0, 1.0
    for layer, width in zip(layers, widths, strict=True):
        x, height = (whole - width) / 2, max(box.height for box in layer)
        for box in layer:
            box.x, box.y = round(x, 1), round(y + (height - box.height) / 2, 1)
            x += box.width + ACROSS
        y += height + DOWN
    return round(whole, 1), round(max(2.0, y - DOWN + 1), 1)
