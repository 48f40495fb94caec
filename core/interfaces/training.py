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

    def validate(self, inputs: Mapping[str, Group]) -> None:
        """Check that the term can be computed from these inputs, one group for each argument. Imports no torch.

        Raises:
            SpecError: what arrives does not fit.
        """

    def build(self, inputs: Mapping[str, Group]) -> nn.Module:
        """Build the `antifaz.core.objectives.Objective` for these inputs; calls `validate` first, and raises what it raises."""


class ScoresClasses(Protocol):
    """Optional for an ObjectiveSpec or MetricSpec that holds scores of classes against a target: `predict` then names the classes.

    class_scores: the arguments that take the scores, one for each class, and the target.
    """

    class_scores: ClassVar[tuple[str, str]]


class NeedsWholeBatch(Protocol):
    """Optional for an ObjectiveSpec: it compares all samples of a batch, which accumulation would split."""

    needs_whole_batch: ClassVar[bool]
