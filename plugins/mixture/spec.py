"""A data set made of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from antifaz.core.interfaces import DatasetSpec, GivenKind, MakesSamples
from antifaz.core.streams import Shape
from antifaz.registry import SpecError, component, option

if TYPE_CHECKING:
    from antifaz.core.interfaces import SampleSet

    from .samples import JoinedSample, MixedSamples


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
        owners: dict[str, str] = {}
        for part, spec in self.parts.items():
            for name, shape in spec.shapes().items():
                first, owner = union.setdefault(name, shape), owners.setdefault(name, part)
                if first != shape:
                    message = f"{name!r} is {_unlike(shape, first)} in {part!r} and {_unlike(first, shape)} in {owner!r}"
                    hint = "entries of one name are alike in all parts; give them different names, or the parts the same options"
                    raise SpecError(message, field=f"parts.{part}", hint=hint)
        return union

    def build(self, training: bool) -> MixedSamples:
        return self._mixed({name: spec.build(training) for name, spec in self.parts.items()}, training)

    def peek(self) -> MixedSamples | None:
        peeked = {name: spec.peek() if hasattr(spec, "peek") else None for name, spec in self.parts.items()}
        stored = {name: samples for name, samples in peeked.items() if samples is not None}
        return self._mixed(stored, False) if len(stored) == len(peeked) else None

    def takes(self) -> Mapping[str, GivenKind]:
        """Return what any of the parts takes; the first of them says what it is."""
        taken: dict[str, GivenKind] = {}
        for part in self._makers():
            taken = {**part.takes(), **taken}
        return taken

    def sample_of(self, given: Mapping[str, Any]) -> JoinedSample:
        """Let each part make what it can of this; of an entry that several make, the first counts."""
        from .samples import JoinedSample

        by_part = [(part, {name: value for name, value in given.items() if name in part.takes()}) for part in self._makers()]
        return JoinedSample([part.sample_of(own) for part, own in by_part if own], self.shapes())

    def _makers(self) -> list[MakesSamples]:
        return [part for part in self.parts.values() if isinstance(part, MakesSamples)]

    def _mixed(self, parts: Mapping[str, SampleSet], training: bool) -> MixedSamples:
        from .samples import MixedSamples

        times = {name: self.repeat.get(name, 1) if training else 1 for name in parts}
        return MixedSamples(parts, times, self.shapes())


def _unlike(shape: Shape, other: Shape) -> str:
    """Describe in words how a shape differs from another."""
    words = []
    if shape.dims != other.dims:
        words.append(f"of shape {list(shape.dims)}")
    if shape.dtype != other.dtype:
        words.append(f"of {shape.dtype}")
    if shape.vocab_size != other.vocab_size:
        words.append("of any number of ids" if shape.vocab_size is None else f"of {shape.vocab_size} ids")
    if len(shape.classes) != len(other.classes):
        words.append(f"of {len(shape.classes) or 'no named'} classes")
    elif shape.classes != other.classes:
        number = next(i for i, (one, two) in enumerate(zip(shape.classes, other.classes, strict=True)) if one != two)
        words.append(f"with {shape.classes[number]!r} as class {number}")
    return ", ".join(words)
