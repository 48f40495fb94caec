"""A data set made of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from antifaz.core.interfaces import DatasetSpec
from antifaz.core.streams import Shape
from antifaz.registry import SpecError, component, option

if TYPE_CHECKING:
    from antifaz.core.data.samples import SampleSet

    from .samples import MixedSamples


@component("dataset", "mixture")
@attrs.frozen(kw_only=True)
class Mixture:
    """Draws from several data sets, each lacking what it lacks."""

    parts: Mapping[str, DatasetSpec] = option(doc="data sets by name")
    repeat: Mapping[str, int] = option(factory=dict, doc="{part: how often its samples come in a training epoch}, default 1")

    def __attrs_post_init__(self) -> None:
        if not self.parts:
            raise SpecError("a mixture needs parts", field="parts")
        for name, times in self.repeat.items():
            if name not in self.parts:
                raise SpecError(f"there is no part {name!r}", field=f"repeat.{name}", hint=f"parts: {', '.join(self.parts)}")
            if times < 1:
                raise SpecError(f"a part comes at least once, not {times} times", field=f"repeat.{name}")

    def shapes(self) -> Mapping[str, Shape]:
        union: dict[str, Shape] = {}
        for part, spec in self.parts.items():
            for name, shape in spec.shapes().items():
                if union.setdefault(name, shape) != shape:
                    message = f"{name!r} is {list(shape.dims)} in {part!r} and {list(union[name].dims)} before it"
                    raise SpecError(message, field=f"parts.{part}", hint="parts need one shape for an entry of one name")
        return union

    def build(self, training: bool) -> MixedSamples:
        return self._mixed({name: spec.build(training) for name, spec in self.parts.items()}, training)

    def peek(self) -> MixedSamples | None:
        found = {name: spec.peek() if hasattr(spec, "peek") else None for name, spec in self.parts.items()}
        there = {name: samples for name, samples in found.items() if samples is not None}
        return self._mixed(there, False) if len(there) == len(found) else None

    def _mixed(self, parts: Mapping[str, SampleSet], training: bool) -> MixedSamples:
        from .samples import MixedSamples

        times = {name: self.repeat.get(name, 1) if training else 1 for name in parts}
        return MixedSamples(parts, times, self.shapes())
