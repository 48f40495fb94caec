"""Modality dropout: training samples lose modalities at random, so that a model learns to answer without them (*ours*)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from antifaz.core.streams import Shape
from antifaz.registry import SpecError, component, option, suggest

if TYPE_CHECKING:
    from .dropout import DropModalities


@component("batch_transform", "modality_dropout")
@attrs.frozen(kw_only=True)
class ModalityDropout:
    """Marks modalities of single samples absent; a sample never loses the last one that it has."""

    probability: Mapping[str, float] = option(
        doc="{modality: chance that a sample loses it}; one that is not named is never its last"
    )

    def __attrs_post_init__(self) -> None:
        if len(self.probability) < 2:
            message = "of one modality alone, a sample would never lose its last one"
            raise SpecError(message, field="probability", hint="name the others that it may be left with too, with 0.0")
        for name, chance in self.probability.items():
            if not 0 <= chance <= 1:
                raise SpecError(f"the chance of {name!r} must be between 0 and 1, not {chance:g}", field=f"probability.{name}")

    def shapes(self, shapes: Mapping[str, Shape]) -> Mapping[str, Shape]:
        for name in self.probability:
            if name not in shapes:
                raise SpecError(
                    f"there is no modality {name!r}", field="probability", hint=suggest(name, list(shapes), noun="entries")
                )
        return shapes

    def build(self, shapes: Mapping[str, Shape]) -> DropModalities:
        from .dropout import DropModalities

        return DropModalities(self.probability)
