"""The contracts of metrics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from antifaz.core.kinds import KINDS
from antifaz.core.streams import Group
from antifaz.registry import slot

from .per_sample_metrics import Details

if TYPE_CHECKING:
    from antifaz.core.tokens import Features


Averaging = Literal["mean", "softmax", "sigmoid"]
"""The way the answers of several views become one: see `views.averaged`."""


@slot(KINDS["metric"])
class MetricSpec(Protocol):
    """The spec of a figure computed once, over everything that an evaluation collected."""

    def validate(self, inputs: Mapping[str, Group]) -> None:
        """Check that the figure can be computed from these inputs, one group for each argument. Imports no torch.

        Raises:
            SpecError: what arrives does not fit.
        """

    def build(self, inputs: Mapping[str, Group]) -> Metric:
        """Build a callable for these inputs; calls `validate` first, and raises what it raises."""


class Metric(Protocol):
    """What the spec of a metric builds; it is called once in an evaluation."""

    def __call__(self, **inputs: Mapping[str, Features]) -> dict[str, float]:
        """Named figures from the whole evaluation set, on the CPU, (samples, ...) each; absent samples are marked in `valid`."""


class KeepsDetails(Protocol):
    """Optional for a Metric, for the report."""

    def details(self, **inputs: Mapping[str, Features]) -> Details:
        """Return scores and answers of single samples and confusion matrices; called once, with what `__call__` got."""


class LowerIsBetter(Protocol):
    """Optional for a Metric.

    lower_is_better: the figures of which the lower is the better; of all others the higher is.
    """

    lower_is_better: Collection[str]
