"""Purity: claims (`pure:`) held against the composed routing, and the layers from which streams are mixed. No torch."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from antifaz.core.experiment import Experiment
from antifaz.core.graph.wire import BATCH, Wire
from antifaz.core.graph.wiring import WiredNode, Wiring
from antifaz.core.routing import compose
from antifaz.core.streams import Stream


@attrs.frozen
class Claim:
    """A claim `pure: {output: [modality]}`, and the modalities that influence the output by the routing."""

    stage: str
    """The first stage whose graph this is about."""
    output: str
    claimed: tuple[str, ...]
    influenced_by: tuple[str, ...]
    paths: Mapping[str, tuple[str, ...]]
    """Modality outside the claim -> the references through which it arrives."""

    @property
    def holds(self) -> bool:
        return not self.paths

    @property
    def text(self) -> str:
        """Return the claim and the path of every influence that breaks it, for people."""
        if self.holds:
            return f"{self.output} depends on {', '.join(self.claimed) or 'nothing'} alone"
        ways = "; ".join(f"{modality} arrives by {' -> '.join(path)}" for modality, path in self.paths.items())
        return f"{self.output} was claimed to depend on {', '.join(self.claimed)} alone: {ways}"


def claims(experiment: Experiment) -> list[Claim]:
    """List every claim of an experiment, on each of its graphs that has the output."""
    return [
        _claim(stage, wiring, wire, modalities)
        for stage, wiring in experiment.graphs.items()
        for reference, modalities in experiment.header.pure.items()
        if wiring.has(reference)
        for wire in wiring.resolve(reference)
    ]


def broken_claims(experiment: Experiment) -> list[str]:
    """The claims that the routing alone refutes, in words."""
    return [stage_prefix(experiment, claim.stage) + claim.text for claim in claims(experiment) if not claim.holds]


def stage_prefix(experiment: Experiment, stage: str) -> str:
    """A stage's name to begin a sentence about its graph with; empty where all stages have one graph."""
    return f"{stage}: " if len(experiment.graphs) > 1 else ""


def _claim(stage: str, wiring: Wiring, output: Wire, modalities: tuple[str, ...]) -> Claim:
    influences = wiring.influences()[output.reference]
    paths = {m: tuple(path_to(wiring, m, output)) for m in sorted(influences - set(modalities))}
    return Claim(stage, output.reference, modalities, tuple(sorted(influences)), paths)


def path_to(wiring: Wiring, modality: str, output: Wire) -> list[str]:
    """Return the references by which an input reaches an output, from the data on; empty where it does not."""
    back: dict[tuple[str, str], tuple[str, str] | None] = {(BATCH, modality): None}
    for node in wiring.nodes.values():
        reached = {wire.key: wire.source for wire in node.wires if wire.source in back}
        for name, keys in node.influence().items():
            # The straight way first: a stream's own tokens explain more than the detour through another.
            via = next((key for key in sorted(keys, key=lambda k: k != modality) if key in reached), None)
            if via is not None:
                back[node.name, name] = reached[via]
    steps: list[str] = []
    place: tuple[str, str] | None = output.source
    while place is not None and place in back:
        steps.append(Wire("", *place).reference)
        place = back[place]
    return steps[::-1]


@attrs.frozen
class Mixing:
    """A modality's stream that another one influences inside a node with several layers."""

    stage: str
    """The first stage whose graph this is about."""
    stream: str
    """As a reference: node.stream."""
    source: str
    layer: int
    """The first layer after which the stream depends on the source, from 1."""
    layers: int

    @property
    def text(self) -> str:
        return f"{self.stream} is influenced by {self.source} from layer {self.layer} of {self.layers} on"


def mixings(experiment: Experiment) -> list[Mixing]:
    """List the streams of modalities that stop being pure inside a node, on each of the experiment's graphs."""
    return [
        Mixing(stage, f"{name}.{stream}", source, layer, len(node.routings))
        for stage, wiring in experiment.graphs.items()
        for name, node in wiring.nodes.items()
        for (stream, source), layer in _mixed(node).items()
    ]


def _mixed(node: WiredNode) -> dict[tuple[str, str], int]:
    """Map (stream, other modality) to the first layer after which the one depends on the other, in nodes with several layers."""
    modalities = [key for key, value in node.inputs.items() if isinstance(value, Stream) and not value.latent]
    first_layers: dict[tuple[str, str], int] = {}
    for layer in range(1, len(node.routings) + 1 if len(node.routings) > 1 else 1):
        state = compose(node.routings[:layer], node.inputs)
        for stream in modalities:
            for source in modalities:
                if source != stream and stream in node.outputs and source in state.get(stream, ()):
                    first_layers.setdefault((stream, source), layer)
    return first_layers
