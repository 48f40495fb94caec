"""Purity claims (`pure:`) held against the composed routing. No torch."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .experiment import Experiment
from .graph.wiring import Wire, Wiring


@attrs.frozen
class Claim:
    """`pure: {output: [modality]}` and what the routing says."""

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
        """For a person: the claim, and the path of every influence that breaks it."""
        if self.holds:
            return f"{self.output} depends on {', '.join(self.claimed) or 'nothing'} alone"
        ways = "; ".join(f"{modality} arrives by {' -> '.join(path)}" for modality, path in self.paths.items())
        return f"{self.output} was claimed to depend on {', '.join(self.claimed)} alone: {ways}"


def claims(experiment: Experiment) -> list[Claim]:
    """Every claim of an experiment, on each of its graphs that has the output."""
    return [
        _claim(stage, wiring, wire, modalities)
        for stage, wiring in experiment.graphs.items()
        for reference, modalities in experiment.header.pure.items()
        if wiring.has(reference)
        for wire in wiring.resolve(reference)
    ]


def _claim(stage: str, wiring: Wiring, output: Wire, modalities: tuple[str, ...]) -> Claim:
    influences = wiring.influences()[output.reference]
    paths = {m: tuple(wiring.path(m, output)) for m in sorted(influences - set(modalities))}
    return Claim(stage, output.reference, modalities, tuple(sorted(influences)), paths)
