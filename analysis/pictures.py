"""The routing of a graph as a picture: one panel for each different layer of each routed node."""

from __future__ import annotations

from pathlib import Path

from antifaz.core.graph.wiring import WiredNode, Wiring
from antifaz.core.routing import Routing
from antifaz.core.streams import Stream


def routed_nodes(wiring: Wiring) -> list[WiredNode]:
    """The nodes in which streams read streams."""
    return [node for node in wiring.nodes.values() if node.kind.accepts == "tokens"]


def draw(wiring: Wiring, path: Path) -> None:
    """Write a PNG: rows are readers, columns are sources, filled where a token is read."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    panels = [(node, routing) for node in routed_nodes(wiring) for routing in _different(node)]
    figure, axes = plt.subplots(1, max(1, len(panels)), figsize=(5 * max(1, len(panels)), 4.6), squeeze=False)
    for axis, (node, routing) in zip(axes[0], panels, strict=False):
        sources = _lengths(node, routing.sources)
        readers = dict.fromkeys(routing.readers, max(4, sum(sources.values()) // 12)) if routing.learned_readers else {}
        readers = readers or _lengths(node, routing.readers)
        axis.imshow(
            routing.dense(readers, sources).numpy(), cmap="Greens", vmin=0, vmax=1.4, aspect="auto", interpolation="nearest"
        )
        _label(axis.set_xticks, axis.axvline, sources)
        _label(axis.set_yticks, axis.axhline, readers)
        axis.set_title(node.name)
        axis.set_xlabel("source")
        axis.set_ylabel("reader")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _different(node: WiredNode) -> list[Routing]:
    found: list[Routing] = []
    for routing in node.routings:
        if routing not in found:
            found.append(routing)
    return found


def _lengths(node: WiredNode, names: tuple[str, ...]) -> dict[str, int]:
    streams = {**node.inputs, **node.outputs}
    lengths = {}
    for name in names:
        stream = streams.get(name)
        lengths[name] = stream.tokens if isinstance(stream, Stream) else 8
    return lengths


def _label(set_ticks, line, lengths: dict[str, int]) -> None:  # type: ignore[no-untyped-def]
    """Names in the middle of their blocks, white lines between blocks."""
    end, middles = 0, []
    for length in lengths.values():
        middles.append(end + length / 2 - 0.5)
        end += length
        line(end - 0.5, color="white", linewidth=1.5)
    set_ticks(middles, list(lengths))
