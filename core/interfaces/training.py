"""The contracts of what a training stage is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Protocol

from antifaz.core.kinds import KINDS
from antifaz.core.streams import Group
from antifaz.registry import slot

if TYPE_CHECKING:
    from torch import nn


@slot(KINDS["objective"])
class ObjectiveSpec(Protocol):
    """The spec of a loss term; the names in its declaration's `arguments` are what `in:` fills."""

    def build(self, inputs: Mapping[str, Group]) -> nn.Module:
        """An `antifaz.core.objectives.Objective` for these inputs; raises SpecError where shapes do not fit."""


class NeedsWholeBatch(Protocol):
    """Optional for an ObjectiveSpec: it compares all samples of a batch, which accumulation would split."""

    needs_whole_batch: ClassVar[bool]
