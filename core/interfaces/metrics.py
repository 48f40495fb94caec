"""The contracts of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from antifaz.core.kinds import KINDS
from antifaz.core.streams import Group
from antifaz.registry import slot

if TYPE_CHECKING:
    from antifaz.core.tokens import Features


Averaging = Literal["mean", "softmax", "sigmoid"]
"""How the answers of several views become one: see `views.averaged`."""


@slot(KINDS["metric"])
class MetricSpec(Protocol):
    """The spec of a figure computed once, over everything that an evaluation collected."""

    def build(self, inputs: Mapping[str, Group]) -> Metric:
        """A callable for these inputs; raises SpecError where shapes do not fit."""


class Metric(Protocol):
    def __call__(self, **inputs: Mapping[str, Features]) -> dict[str, float]:
        """Named figures from the whole evaluation set, on the CPU, (samples, ...) each; absent samples are marked in `valid`."""
