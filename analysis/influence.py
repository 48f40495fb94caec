"""verify: measure, on the real composed model, which input can influence which output.

Parameters are re-drawn non-zero in float64 (zero-initialised heads would prove anything). For every output and every modality:
where the composed routing says "no influence", the gradient must be exactly zero and re-drawing the modality must change no bit
of the output; where it says "influence", one of the two must show it. In training mode, in evaluation mode, and in evaluation of a
batch in which each modality is absent from one of the samples; such a sample must also have the outputs of a call without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from antifaz.core.experiment import Experiment
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.tokens import Features, Tokens

from .purity import Claim, Mixing, claims, mixings

BATCH_SIZE = 2
SOME_ABSENT = "evaluation, some absent"
MODES = ("training", "evaluation", SOME_ABSENT)
SAME = 1e-9
"""Largest difference of float64 outputs that are the same sums in another order, relative to the largest."""


@attrs.frozen
class Finding:
    """The measured influence of one modality on one output in one mode."""

    stage: str
    """The first stage whose graph this was measured on."""
    output: str
    modality: str
    mode: str
    allowed: bool
    gradient: float
    """Largest absolute gradient of the output with respect to the modality; 0.0 is exact."""
    changed: bool
    """True where re-drawing the modality changes a bit of the output."""

    @property
    def influences(self) -> bool:
        return self.gradient != 0.0 or self.changed

    @property
    def ok(self) -> bool:
        return self.influences == self.allowed


@attrs.frozen
class Absence:
    """What an output of a sample that lacks a modality has to do with that of a call without the modality."""

    stage: str
    output: str
    modality: str
    difference: float
    """The largest, relative to the largest value; infinite where one of the two is there and the other is not."""

    @property
    def ok(self) -> bool:
        return self.difference <= SAME


@attrs.frozen
class VerifyReport:
    """Everything that `verify` measures and judges on an experiment."""

    findings: tuple[Finding, ...]
    claims: tuple[Claim, ...]
    mixings: tuple[Mixing, ...] = ()
    absences: tuple[Absence, ...] = ()

    @property
    def ok(self) -> bool:
        return all(f.ok for f in self.findings) and all(a.ok for a in self.absences) and all(c.holds for c in self.claims)

    def json(self) -> dict[str, Any]:
        """Plain data: `ok`, `claims`, `findings`, `mixings`, `absences`."""
        claims = [{**attrs.asdict(claim), "holds": claim.holds} for claim in self.claims]
        findings = [{**attrs.asdict(f), "ok": f.ok} for f in self.findings]
        mixings = [attrs.asdict(m) for m in self.mixings]
        absences = [{**attrs.asdict(a), "ok": a.ok} for a in self.absences]
        return {"ok": self.ok, "claims": claims, "findings": findings, "mixings": mixings, "absences": absences}


def verify(experiment: Experiment, *, seed: int = 0) -> VerifyReport:
    """Measure every influence on each of the experiment's graphs, and judge its claims of purity."""
    findings: list[Finding] = []
    lacking: list[Absence] = []
    for stage, wiring in experiment.graphs.items():
        graph = build_graph(wiring).double()
        randomize_parameters(graph, seed)
        findings += [f for mode in MODES for f in measure(graph, mode, seed, stage)]
        lacking += absences(graph, seed, stage)
    return VerifyReport(tuple(findings), tuple(claims(experiment)), tuple(mixings(experiment)), tuple(lacking))


def randomize_parameters(graph: torch.nn.Module, seed: int) -> None:
    """Give every parameter non-zero values of a size that keeps signals alive; the same for a seed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in graph.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            scale = parameter[0].numel() ** -0.5 if parameter.dim() > 1 else 0.5
            parameter.copy_(noise * scale + (0.5 if parameter.dim() == 1 else 0.0))


def measure(graph: Graph, mode: str, seed: int, stage: str = "") -> list[Finding]:
    """Measure gradients and re-draws for every output and modality, in float64 on the CPU."""
    graph.train(mode == "training")
    allowed = graph.wiring.influences()
    used = _used(graph)
    first, second = _drawn(graph, mode, seed)
    outputs = list(allowed)
    gradients = _gradients(graph, first, outputs, seed)
    base = _values(graph, first, outputs, seed)
    findings = []
    for modality in sorted(used):
        other = _values(graph, {**first, modality: second[modality]}, outputs, seed)
        for output in outputs:
            changed = not torch.equal(base[output], other[output])
            largest = gradients[output].get(modality, 0.0)
            findings.append(Finding(stage, output, modality, mode, modality in allowed[output], largest, changed))
    return findings


def absences(graph: Graph, seed: int, stage: str = "") -> list[Absence]:
    """Hold every output of samples that lack a modality against a call without that modality, in evaluation."""
    graph.eval()
    batch, _ = _drawn(graph, SOME_ABSENT, seed)
    outputs = list(graph.wiring.influences())
    found = []
    with torch.no_grad():
        marked = graph(batch, outputs)
        for sample, modality in enumerate(batch, start=1):
            rest = {name: entry for name, entry in batch.items() if name != modality}
            without = graph(rest, outputs) if rest else {}
            for output in outputs:
                difference = _difference(marked[output], without.get(output), sample)
                found.append(Absence(stage, output, modality, difference))
    return found


def _difference(value: Tokens | Features, other: Tokens | Features | None, sample: int) -> float:
    """The largest relative difference of a sample in two calls, where it is there; infinite where it is there in one alone."""
    valid = _marks(value)[sample]
    if other is None:  # tokens of latents alone stay as they are: the graph marks the features that are made of them
        return math.inf if isinstance(value, Features) and bool(valid.any()) else 0.0
    if not torch.equal(valid, _marks(other)[sample]):
        return math.inf
    a, b = value.values[sample][valid], other.values[sample][valid]
    return float((a - b).abs().max()) / max(1.0, float(b.abs().max())) if a.numel() else 0.0


def _marks(value: Tokens | Features) -> Tensor:
    """Which parts of each sample are there: (batch, tokens) or as `valid` has it."""
    if isinstance(value, Features):
        return value.presence()
    shape = value.values.shape[:-1]
    return torch.ones(shape, dtype=torch.bool) if value.valid is None else value.valid


def _used(graph: Graph) -> frozenset[str]:
    """The entries that may influence any output."""
    return frozenset[str]().union(*graph.wiring.influences().values())


def _drawn(graph: Graph, mode: str, seed: int) -> list[dict[str, Features]]:
    """Draw two batches; where some are absent, the first sample has everything and each of the others lacks one modality."""
    shapes = {name: shape for name, shape in graph.wiring.inputs.items() if name in _used(graph)}
    size = 1 + len(shapes) if mode == SOME_ABSENT else BATCH_SIZE
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        batches = [fake_batch(shapes, size, dtype=torch.float64) for _ in range(2)]
    if mode != SOME_ABSENT:
        return batches
    return [{n: _without_sample(f, 1 + i) for i, (n, f) in enumerate(batch.items())} for batch in batches]


def _without_sample(entry: Features, sample: int) -> Features:
    """Mark one sample of an entry as absent."""
    valid = entry.presence().clone()
    valid[sample] = False
    return Features(entry.values, valid)


def _values(graph: Graph, batch: Mapping[str, Features], outputs: list[str], seed: int) -> dict[str, Tensor]:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        buffers = {name: b.clone() for name, b in graph.named_buffers()}
        values = {name: value.values.clone() for name, value in graph(batch, outputs).items()}
        for name, buffer in graph.named_buffers():  # running statistics must not carry one call into the next
            buffer.copy_(buffers[name])
    return values


def _gradients(graph: Graph, batch: Mapping[str, Features], outputs: list[str], seed: int) -> dict[str, dict[str, float]]:
    """Map output -> modality -> the largest absolute gradient of a random projection of the output."""
    leaves = {n: f.values.clone().requires_grad_() for n, f in batch.items() if f.values.is_floating_point()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        values = graph({**batch, **{n: Features(v, batch[n].valid) for n, v in leaves.items()}}, outputs)
        largest = {}
        for output in outputs:
            projected = (values[output].values * torch.randn_like(values[output].values)).sum()
            if not leaves or not projected.requires_grad:  # numbers of a vocabulary have no gradient: they are drawn anew
                largest[output] = dict.fromkeys(leaves, 0.0)
                continue
            grads = torch.autograd.grad(projected, list(leaves.values()), retain_graph=True, allow_unused=True)
            sizes = (0.0 if g is None else float(g.abs().max()) for g in grads)
            largest[output] = dict(zip(leaves, sizes, strict=True))
    return largest
