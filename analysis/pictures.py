"""The routing of a graph as a picture: one panel for each different layer of each routed node.

A stream is a block of at most `LARGEST_BLOCK` cells on a side, however many tokens it has: what a picture shows is which blocks are
filled, and its memory does not grow with the tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from antifaz.core.graph.wiring import WiredNode, Wiring
from antifaz.core.routing import Routing
from antifaz.core.streams import Stream

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST_BLOCK = 32
"""Cells on a side: enough for the triangle of a causal edge to be seen as one."""
OTHER_BLOCK = 8
"""Cells of a stream that a node has inside, of which the wiring does not know the number of tokens."""


def routed_nodes(wiring: Wiring) -> list[WiredNode]:
    """List the nodes in which streams read streams."""
    return [node for node in wiring.nodes.values() if node.kind.accepts == "tokens"]


def draw_routings(wiring: Wiring, path: Path) -> None:
    """Write a PNG: rows are readers, columns are sources, filled where a stream is read, half filled where causally."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    panels = [(node, routing) for node in routed_nodes(wiring) for routing in different_routings(node)]
    figure, axes = plt.subplots(1, max(1, len(panels)), figsize=(5 * max(1, len(panels)), 4.6), squeeze=False)
    for axis, (node, routing) in zip(axes[0], panels, strict=False):
        _draw_panel(axis, node, routing)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_panel(axis: Axes, node: WiredNode, routing: Routing) -> None:
    readers, sources = block_sizes(node, routing)
    cells = routing.dense(readers, sources).numpy()
    axis.imshow(cells, cmap="Greens", vmin=0, vmax=1.4, aspect="auto", interpolation="nearest")
    axis.set_xticks(_middles(sources), list(sources))
    axis.set_yticks(_middles(readers), list(readers))
    for end in _ends(sources):
        axis.axvline(end - 0.5, color="white", linewidth=1.5)
    for end in _ends(readers):
        axis.axhline(end - 0.5, color="white", linewidth=1.5)
    axis.set_title(node.name)
    axis.set_xlabel("source")
    axis.set_ylabel("reader")


def different_routings(node: WiredNode) -> list[Routing]:
    """List the routings of a node's layers, each once, in the order of the layers."""
    routings: list[Routing] = []
    for routing in node.routings:
        if routing not in routings:
            routings.append(routing)
    return routings


def block_sizes(node: WiredNode, routing: Routing) -> tuple[dict[str, int], dict[str, int]]:
    """Return the cells of each reader and of each source in a picture. A learned query is a narrow row of its own."""
    sources = _cells(node, routing.sources)
    if routing.learned_readers:
        return dict.fromkeys(routing.readers, max(4, sum(sources.values()) // 12)), sources
    return _cells(node, routing.readers), sources


def _cells(node: WiredNode, names: Iterable[str]) -> dict[str, int]:
    streams = {**node.inputs, **node.outputs}
    cells = {}
    for name in names:
        stream = streams.get(name)
        cells[name] = min(stream.tokens, LARGEST_BLOCK) if isinstance(stream, Stream) else OTHER_BLOCK
    return cells


def _ends(cells: Mapping[str, int]) -> list[int]:
    """Return the number of cells up to the end of each block."""
    ends = [0]
    for size in cells.values():
        ends.append(ends[-1] + size)
    return ends[1:]


def _middles(cells: Mapping[str, int]) -> list[float]:
    return [end - size / 2 - 0.5 for end, size in zip(_ends(cells), cells.values(), strict=True)]
