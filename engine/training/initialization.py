"""Initialization: which node takes its weights from which stage, file or foreign checkpoint. A silent half-match is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from torch import Tensor

from antifaz.core.errors import WeightsError
from antifaz.core.experiment import Init, PretrainedPart
from antifaz.core.graph.module import Graph
from antifaz.core.interfaces import WeightsSpec
from antifaz.data.weight_files import read_weights
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
    files, checkpoints = _by_source(by_node)
    weights: dict[str, Tensor] = {}
    lines: list[str] = []
    places: list[str] = []
    for source, nodes in files.items():
        held = stages.get(source, Path(source))
        places.append(str(held) if isinstance(held, Path) else f"stage {source!r}")
        given = read_weights(held) if isinstance(held, Path) else held
        taken, lacking = _of_nodes(given, places[-1], nodes, own, all_asked=not isinstance(init, str))
        names = ", ".join(dict.fromkeys(name.partition(".")[0] for name in taken))
        weights |= taken
        lines.append(f"weights of {names} from {places[-1]}" + (f"; fresh: {', '.join(lacking)}" if lacking else ""))
    for spec, parts in checkpoints.items():
        taken, unused = _from_checkpoint(spec, parts)
        names = ", ".join(f"{node} ({part})" for node, part in parts.items())
        weights |= taken
        lines.append(f"weights of {names} from {_named(spec)}" + (f"; unused: {', '.join(unused)}" if unused else ""))
    filled = set(by_node) & {name.partition(".")[0] for name in weights}
    try:
        lines += graph.load_weights(weights, filled)
    except SpecError as error:
        places += map(_named, checkpoints)
        raise WeightsError(f"the weights of {', '.join(places)} do not fit: {error.message}", hint=error.hint) from None
    if init is not None:
        _require_filled([node for node in own if node in set(needed)], filled)
    return lines


def _by_source(by_node: Mapping[str, str | PretrainedPart]) -> tuple[dict[str, list[str]], dict[WeightsSpec, dict[str, str]]]:
    """Sort nodes by what fills them: {stage or file: [node]}, and {foreign checkpoint: {node: part}}."""
    files: dict[str, list[str]] = {}
    checkpoints: dict[WeightsSpec, dict[str, str]] = {}
    for node, source in by_node.items():
        if isinstance(source, PretrainedPart):
            checkpoints.setdefault(source.weights, {})[node] = source.part
        else:
            files.setdefault(source, []).append(node)
    return files, checkpoints


def _require_filled(needed: Iterable[str], filled: set[str]) -> None:
    """Refuse nodes that stay fresh though their figures count.

    Raises:
        WeightsError: with their names.
    """
    fresh = [node for node in needed if node not in filled]
    if fresh:
        message = f"nothing gives weights to {', '.join(fresh)}, which the figures of this stage need"
        raise WeightsError(message, hint="extend its `init:`")


def _of_nodes(
    weights: Mapping[str, Tensor], place: str, nodes: list[str], own: list[str], *, all_asked: bool
) -> tuple[dict[str, Tensor], list[str]]:
    """Return what weights from some place hold of these nodes, and the nodes that they lack."""
    held = {name.partition(".")[0] for name in weights}
    lacking = [node for node in nodes if node not in held and node in own]
    if lacking and (all_asked or not held & set(nodes)):
        raise WeightsError(f"{place} has no weights of {', '.join(lacking)}; it holds {', '.join(sorted(held)) or 'nothing'}")
    return {name: value for name, value in weights.items() if name.partition(".")[0] in nodes}, lacking


def _from_checkpoint(spec: WeightsSpec, parts: Mapping[str, str]) -> tuple[dict[str, Tensor], list[str]]:
    """Return the parts of a foreign checkpoint under the names of the nodes that take them, and the parts that nobody takes."""
    read = spec.read()
    if unknown := list(read.get("", {})):
        listing = "\n    ".join(unknown)
        raise WeightsError(f"{_named(spec)} has names that this format does not know; nothing was loaded:\n    {listing}")
    unused = [part for part in spec.parts if part not in parts.values() and read.get(part)]
    return {f"{n}.{name}": value for n, part in parts.items() for name, value in read.get(part, {}).items()}, list(unused)


def _named(spec: WeightsSpec) -> str:
    return declaration_of(spec).name


def sources_of(init: Init) -> Iterator[str]:
    """Yield the stages and files that an `init:` names."""
    for source in [init] if isinstance(init, str) else list((init or {}).values()):
        if isinstance(source, str):
            yield source
