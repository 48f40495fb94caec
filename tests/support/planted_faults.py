"""A plugin of backbones: one that is right, and wrong ones, each by one fault that the conformance kit must find. Other kinds
are below, those that raise or hand over what is none of their kind.

The right one adds to every token a linear map of the mean of what its stream reads: a modality itself, fusion tokens everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import attrs
import torch
from torch import Tensor, nn

from antifaz.core.interfaces import Sample
from antifaz.core.objectives import Loss, Objective, Term
from antifaz.core.routing import Routing
from antifaz.core.streams import Group, Shape, Stream, only
from antifaz.core.tokens import Features, Tokens
from antifaz.registry import component, hookimpl, option


def mean_of(streams: list[Tokens]) -> Tensor:
    """(batch, 1, width), over valid tokens."""
    values = torch.cat([s.values for s in streams], dim=1)
    marks = torch.cat([torch.ones_like(s.values[..., 0]) if s.valid is None else s.valid.to(s.values.dtype) for s in streams], 1)
    kept = torch.where(marks[..., None] > 0, values, 0.0)
    return kept.sum(1, keepdim=True) / marks.sum(1).clamp(min=1)[:, None, None]


class Means(nn.Module):
    def __init__(self, width: int, routing: Routing) -> None:
        super().__init__()
        self.routing = routing
        self.map = nn.Linear(width, width)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        return {name: self.update(name, streams) for name in streams}

    def update(self, name: str, streams: Mapping[str, Tokens]) -> Tokens:
        read = [streams[source] for source in self.routing.reads[name] if source in streams]
        return self.add(streams[name], mean_of(read))

    def add(self, tokens: Tokens, mean: Tensor) -> Tokens:
        return tokens.with_values(tokens.values + self.map(mean))


class LeakThroughPooling(Means):
    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        done = super().forward(streams)
        pooled = mean_of(list(streams.values()))
        return {name: tokens.with_values(tokens.values + 1e-6 * pooled) for name, tokens in done.items()}


class LeakThroughFusion(Means):
    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        done = super().forward(streams)
        if "fusion" not in done:
            return done
        return {name: self.add(tokens, mean_of([tokens, done["fusion"]])) for name, tokens in done.items()}


class LeakBesideAbsence(Means):
    """What is right without marks, and reads everything as soon as a stream has some."""

    def update(self, name: str, streams: Mapping[str, Tokens]) -> Tokens:
        if all(tokens.valid is None for tokens in streams.values()):
            return super().update(name, streams)
        return self.add(streams[name], mean_of(list(streams.values())))


class AbsenceBias(Means):
    """A map for each source that is read: that of an absent one is of zeros, and still adds its bias."""

    def update(self, name: str, streams: Mapping[str, Tokens]) -> Tokens:
        tokens = streams[name]
        for source in self.routing.reads[name]:
            if source in streams:
                tokens = self.add(tokens, mean_of([streams[source]]))
        return tokens


class InvalidAveraged(Means):
    def update(self, name: str, streams: Mapping[str, Tokens]) -> Tokens:
        plain = {n: Tokens(t.values, t.grid) for n, t in streams.items()}
        return Tokens(super().update(name, plain).values, streams[name].grid, None, streams[name].valid)


class OrderDependent(Means):
    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        done = super().forward(streams)
        if "fusion" in done:
            first = next(iter(streams))
            done["fusion"] = self.add(done["fusion"], mean_of([streams[first]]))
        return done


class DeadParameter(Means):
    def __init__(self, width: int, routing: Routing) -> None:
        super().__init__(width, routing)
        self.forgotten = nn.Linear(width, width)


class NotDeterministic(Means):
    def add(self, tokens: Tokens, mean: Tensor) -> Tokens:
        self.calls = getattr(self, "calls", 0) + 1
        return super().add(tokens, mean * (1 + 1e-3 * self.calls))


class BatchMixed(Means):
    def add(self, tokens: Tokens, mean: Tensor) -> Tokens:
        return super().add(tokens, mean - mean.mean(0, keepdim=True))


class NeedsEverything(Means):
    def update(self, name: str, streams: Mapping[str, Tokens]) -> Tokens:
        return self.add(streams[name], mean_of([streams[source] for source in self.routing.reads[name]]))


class NoMeta(Means):
    def add(self, tokens: Tokens, mean: Tensor) -> Tokens:
        return super().add(tokens, mean + torch.zeros(mean.shape[-1], device="cpu", dtype=mean.dtype))


class ForgottenState(Means):
    def __init__(self, width: int, routing: Routing) -> None:
        super().__init__(width, routing)
        self.scale = float(torch.rand(()) if self.map.weight.device.type == "cpu" else 1.0)

    def add(self, tokens: Tokens, mean: Tensor) -> Tokens:
        return super().add(tokens, self.scale * mean)


class WrongShape(Means):
    def add(self, tokens: Tokens, mean: Tensor) -> Tokens:
        return tokens.with_values(super().add(tokens, mean).values[:, 1:])


FAULTS = {
    f.__name__: f
    for f in (
        Means,
        LeakThroughPooling,
        LeakThroughFusion,
        LeakBesideAbsence,
        AbsenceBias,
        InvalidAveraged,
        OrderDependent,
        DeadParameter,
        NotDeterministic,
        BatchMixed,
        NeedsEverything,
        NoMeta,
        ForgottenState,
        WrongShape,
    )
}


@component("backbone", "means")
@attrs.frozen(kw_only=True)
class MeansSpec:
    """A backbone with the fault that is asked for."""

    fault: str = option(default="Means", doc="one of FAULTS")

    def outputs(self, inputs: Group) -> Group:
        return dict(inputs)

    def routings(self, inputs: Group) -> tuple[Routing, ...]:
        latent = {n: isinstance(v, Stream) and v.latent for n, v in inputs.items()}
        return (Routing.full({name: list(inputs) if latent[name] else [name] for name in inputs}),)

    def build(self, inputs: Group) -> nn.Module:
        (routing,) = self.routings(inputs)
        width = next(v.width for v in inputs.values() if isinstance(v, Stream))
        return FAULTS[self.fault](width, routing)


@component("mask", "ordered")
@attrs.frozen(kw_only=True)
class Ordered:
    """A stream reads itself and what is named before it: a mask that depends on the order."""

    def routing(self, readers: Sequence[Stream], sources: Sequence[Stream]) -> Routing:
        names = [source.name for source in sources]
        return Routing.full({reader.name: names[: i + 1] for i, reader in enumerate(readers)})


class Metric(Protocol):
    def __call__(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Any: ...


class MetricFault:
    def validate(self, inputs: Mapping[str, Group]) -> None: ...

    def build(self, inputs: Mapping[str, Group]) -> Metric:
        return self.measure

    def measure(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Any:
        raise NotImplementedError


@component("metric", "bare", arguments=("left", "right"))
@attrs.frozen(kw_only=True)
class Bare(MetricFault):
    """A bare number."""

    def measure(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Any:
        return 1.0


@component("metric", "tensor", arguments=("left", "right"))
@attrs.frozen(kw_only=True)
class InTensor(MetricFault):
    """A tensor in place of a number."""

    def measure(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Any:
        return {"a": torch.ones(())}


@component("metric", "raises", arguments=("left", "right"))
@attrs.frozen(kw_only=True)
class Raises(MetricFault):
    """An entry that is not there."""

    def measure(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Any:
        return {"a": float(left["absent"].values.mean())}


class Distance(Objective):
    def __init__(self, loss: Callable[[Tensor, Tensor, Tensor], Loss]) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Loss:
        a, b = only(left), only(right)
        return self.loss(a.values, b.values, a.presence() & b.presence())


@component("objective", "no_terms", arguments=("left", "right"))
@attrs.frozen(kw_only=True)
class NoTerms:
    """A loss without terms."""

    def validate(self, inputs: Mapping[str, Group]) -> None: ...

    def build(self, inputs: Mapping[str, Group]) -> Objective:
        return Distance(lambda left, right, valid: Loss({}))


def boolean(left: Tensor, right: Tensor, valid: Tensor) -> Loss:
    kept = (left - right)[valid]
    return Loss({"distance": Term(kept.square().sum(), valid.sum().to(left.dtype))})


@component("objective", "boolean", arguments=("left", "right"))
@attrs.frozen(kw_only=True)
class Boolean:
    """A selection of samples, which no shapes alone can tell."""

    def validate(self, inputs: Mapping[str, Group]) -> None: ...

    def build(self, inputs: Mapping[str, Group]) -> Objective:
        return Distance(boolean)


class PlainNumbers:
    """Samples without `identity` and `counts`."""

    shapes: ClassVar[Mapping[str, Shape]] = {"number": Shape((2,))}

    def __len__(self) -> int:
        return 3

    def load(self, index: int, seed: int) -> Sample:
        return Sample(index, {"number": torch.full((2,), float(index))})

    def finish(self, name: str, values: Tensor) -> Tensor:
        return values


@component("dataset", "numbers")
@attrs.frozen(kw_only=True)
class Numbers:
    """A data set of the least that a data set must be."""

    def shapes(self) -> Mapping[str, Shape]:
        return dict(PlainNumbers.shapes)

    def build(self, training: bool) -> PlainNumbers:
        return PlainNumbers()


@hookimpl
def antifaz_components() -> list[type]:
    return [MeansSpec, Ordered, Bare, InTensor, Raises, NoTerms, Boolean, Numbers]
