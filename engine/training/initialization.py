"""First weights: which node takes them from which stage, file or foreign checkpoint. A silent half-match is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from torch import Tensor

from antifaz.core.errors import WeightsError
from antifaz.core.experiment import Init, PretrainedPart
from antifaz.core.graph.loading import read_weights
from antifaz.core.graph.module import Graph
from antifaz.core.interfaces import WeightsSpec
from antifaz.registry import SpecError, declaration_of

Held = Path | Mapping[str, Tensor]
"""A file of weights, or the weights themselves."""


def initialize(graph: Graph, init: Init, stages: Mapping[str, Held], *, needed: Iterable[str] = ()) -> list[str]:
    """Give a graph the weights that an `init:` names; what it does not name stays fresh.

    stages: what each stage leaves. needed: nodes that must not stay fresh.
    Returns what was done, a line for each source, and for each tensor that a node adapted.

    Raises:
        WeightsError: a file that has none of the nodes it is to fill, a node that is half there, a needed node that stays fresh.
    """
    own = list(dict.fromkeys(name.partition(".")[0] for name in graph.weights()))
    by_node = dict.fromkeys(own, init) if isinstance(init, str) else dict(init or {})
    files: dict[str, list[str]] = {}
    checkpoints: dict[WeightsSpec, dict[str, str]] = {}
    for node, source in by_node.items():
        if isinstance(source, PretrainedPart):
            checkpoints.setdefault(source.weights, {})[node] = source.part
        else:
            files.setdefault(source, []).append(node)
    weights: dict[str, Tensor] = {}
    said: list[str] = []
    places: list[str] = []
    for source, nodes in files.items():
        held = stages.get(source, Path(source))
        places.append(str(held) if isinstance(held, Path) else f"stage {source!r}")
        given = read_weights(held) if isinstance(held, Path) else held
        found, lacking = _of_nodes(given, places[-1], nodes, own, all_asked=not isinstance(init, str))
        there = list(dict.fromkeys(name.partition(".")[0] for name in found))
        weights |= found
        said.append(f"weights of {', '.join(there)} from {places[-1]}" + (f"; fresh: {', '.join(lacking)}" if lacking else ""))
    for spec, parts in checkpoints.items():
        found, unused = _from_checkpoint(spec, parts)
        weights |= found
        taken = ", ".join(f"{node} ({part})" for node, part in parts.items())
        said.append(f"weights of {taken} from {_named(spec)}" + (f"; unused: {', '.join(unused)}" if unused else ""))
    filled = set(by_node) & {name.partition(".")[0] for name in weights}
    try:
        said += graph.load_weights(weights, filled)
    except SpecError as error:
        places += map(_named, checkpoints)
        raise WeightsError(f"the weights of {', '.join(places)} do not fit: {error.message}", hint=error.hint) from None
    fresh = [node for node in own if node in set(needed) and node not in filled] if init is not None else []
    if fresh:
        message = f"nothing gives weights to {', '.join(fresh)}, which the figures of this stage need"
        raise WeightsError(message, hint="extend its `init:`")
    return said


def require_files(init: Init, stages: Iterable[str]) -> None:
    """Refuse an `init:` that names a file which is not there, with WeightsError: before anything runs."""
    known = set(stages)
    for source in sources_of(init):
        if source not in known and not Path(source).is_file():
            raise WeightsError(f"there is no weights file {source}")


def _of_nodes(
    weights: Mapping[str, Tensor], place: str, nodes: list[str], own: list[str], *, all_asked: bool
) -> tuple[dict[str, Tensor], list[str]]:
    """What weights from some place hold of these nodes, and those of them that they lack."""
    held = {name.partition(".")[0] for name in weights}
    lacking = [node for node in nodes if node not in held and node in own]
    if lacking and (all_asked or not held & set(nodes)):
        raise WeightsError(f"{place} has no weights of {', '.join(lacking)}; it holds {', '.join(sorted(held)) or 'nothing'}")
    return {name: value for name, value in weights.items() if name.partition(".")[0] in nodes}, lacking


def _from_checkpoint(spec: WeightsSpec, parts: Mapping[str, str]) -> tuple[dict[str, Tensor], list[str]]:
    """The parts of a foreign checkpoint under the names of the nodes that take them, and the parts that nobody takes."""
    read = spec.read()
    if unknown := list(read.get("", {})):
        listing = "\n    ".join(unknown)
        raise WeightsError(f"{_named(spec)} has names that this format does not know; nothing was loaded:\n    {listing}")
    unused = [part for part in spec.parts if part not in parts.values() and read.get(part)]
    return {f"{n}.{name}": value for n, part in parts.items() for name, value in read.get(part, {}).items()}, list(unused)


def _named(spec: WeightsSpec) -> str:
    return declaration_of(spec).name


def sources_of(init: Init) -> Iterator[str]:
    """The stages and files that an `init:` names."""
    for source in [init] if isinstance(init, str) else list((init or {}).values()):
        if isinstance(source, str):
            yield source
