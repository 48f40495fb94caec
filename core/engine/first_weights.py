"""First weights: which node takes them from which stage or file. A silent half-match is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from antifaz.core.graph.graph import Graph
from antifaz.registry import SpecError, WeightsError

from .checkpoints import read_weights

Init = str | Mapping[str, str] | None


def load_first_weights(graph: Graph, init: Init, stages: Mapping[str, Path], *, needed: Iterable[str] = ()) -> list[str]:
    """Give a graph the weights that an `init:` names; what it does not name stays fresh.

    stages: where each stage leaves its weights. needed: nodes that must not stay fresh.
    Returns what was done, a line for each file.

    Raises:
        WeightsError: a file that has none of the nodes it is to fill, a node that is half there, a needed node that stays fresh.
    """
    own = list(dict.fromkeys(name.partition(".")[0] for name in graph.weights()))
    by_node = dict.fromkeys(own, init) if isinstance(init, str) else dict(init or {})
    files: dict[Path, list[str]] = {}
    for node, source in by_node.items():
        files.setdefault(stages.get(source, Path(source)), []).append(node)
    said, filled = [], set()
    for path, nodes in files.items():
        weights = read_weights(path)
        held = {name.partition(".")[0] for name in weights}
        there = [node for node in nodes if node in held]
        lacking = [node for node in nodes if node not in held and node in own]
        if lacking and (not there or not isinstance(init, str)):
            raise WeightsError(f"{path} has no weights of {', '.join(lacking)}; it holds {', '.join(sorted(held)) or 'nothing'}")
        try:
            graph.load_weights(weights, there)
        except SpecError as error:
            raise WeightsError(f"{path} does not fit: {error}") from None
        filled.update(there)
        said.append(f"weights of {', '.join(there)} from {path}" + (f"; fresh: {', '.join(lacking)}" if lacking else ""))
    fresh = [node for node in own if node in set(needed) and node not in filled] if init is not None else []
    if fresh:
        message = f"nothing gives weights to {', '.join(fresh)}, which the figures of this stage need"
        raise WeightsError(message, hint="extend its `init:`")
    return said
