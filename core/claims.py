"""Purity claims (`pure:`) held against the composed routing. No torch."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .experiment import Experiment
from .graph.wiring import Wire, Wiring


@attrs.frozen
class Claim:
    """`pure: {output: [modality]}` and what the routing says."""

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
    """Every claim of an experiment, on the graph as its last stage has it."""
    wiring = experiment.wiring
    return [
        _claim(wiring, wire, modalities)
        for reference, modalities in experiment.header.pure.items()
        for wire in wiring.resolve(reference)
    ]


def _claim(wiring: Wiring, output: Wire, modalities: tuple[str, ...]) -> Claim:
    influences = wiring.influences()[output.reference]
    paths = {m: tuple(wiring.path(m, output)) for m in sorted(influences - set(modalities))}
    return Claim(output.reference, modalities, tuple(sorted(influences)), paths)
