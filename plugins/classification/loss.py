"""Losses of classifiers, one term for each head.

Source: Szegedy et al. 2016 (label smoothing); its form for several labels is that of the public Scenic code (MBT). One head per
output and the sum over heads are *ours*. Axes: B batch, N places of a batch (one for
each sample, or several), C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from antifaz.core.objectives import Loss, Objective, Term, at_least_float32, masked_sum, no_autocast, zero_invalid
from antifaz.core.streams import only
from antifaz.core.tokens import Features


class HeadLoss(Objective):
    """The sum over heads of the mean over the places for which both the head and the target exist. At least float32.

    Args:
        heads: the names of those that learn, None for all.
        label_smoothing: share of the target that is spread over all classes.
    """

    def __init__(self, heads: tuple[str, ...] | None, label_smoothing: float) -> None:
        super().__init__()
        self.heads, self.label_smoothing = heads, label_smoothing

    def per_place(self, logits_NC: Tensor, target: Tensor) -> Tensor:
        """(N,) losses."""
        raise NotImplementedError

    def hits(self, logits_NC: Tensor, target: Tensor) -> Tensor | None:
        """(N,) bool, whether the best class is right, or None where that is no question."""
        return None

    def forward(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        wanted = only(target)
        terms, logs = {}, {}
        for name, head in logits.items():
            if self.heads is not None and name not in self.heads:
                continue
            places = head.values.shape[:-1]
            valid_N = _at(places, head.presence()) & _at(places, wanted.presence())
            with no_autocast(head.values):
                scores_NC = zero_invalid(at_least_float32(head.values).flatten(0, -2), valid_N)
                goal = zero_invalid(wanted.values.flatten(0, len(places) - 1), valid_N)
                count = valid_N.sum().to(scores_NC.dtype)
                terms[name] = Term(masked_sum(self.per_place(scores_NC, goal), valid_N), count)
                hits_N = self.hits(scores_NC.detach(), goal)
            if hits_N is not None:
                logs[f"{name}.accuracy"] = Term(masked_sum(hits_N.to(count.dtype), valid_N), count)
        return Loss(terms, logs)


def _at(places: Sequence[int], presence: Tensor) -> Tensor:
    """Presence (B,), or of every place, for (N,) places."""
    return presence.view(*presence.shape, *(1 for _ in places[presence.dim() :])).expand(places).flatten()


class CrossEntropyLoss(HeadLoss):
    """Cross-entropy; target (N,) int64 classes, or (N, C) shares."""

    def per_place(self, logits_NC: Tensor, target: Tensor) -> Tensor:
        goal = target.to(logits_NC.dtype) if target.is_floating_point() else target
        return F.cross_entropy(logits_NC, goal, reduction="none", label_smoothing=self.label_smoothing)

    def hits(self, logits_NC: Tensor, target: Tensor) -> Tensor:
        return logits_NC.argmax(dim=1) == (target.argmax(dim=1) if target.is_floating_point() else target)


class BinaryCrossEntropyLoss(HeadLoss):
    """Binary cross-entropy; target (N, C) in [0, 1], which smoothing moves to (1 - s) * target + s / C.

    Args:
        over_classes: `mean`, or `sum` as in Scenic.
    """

    def __init__(self, heads: tuple[str, ...] | None, label_smoothing: float, over_classes: str) -> None:
        super().__init__(heads, label_smoothing)
        self.over_classes = over_classes

    def per_place(self, logits_NC: Tensor, target: Tensor) -> Tensor:
        goal_NC = target.to(logits_NC.dtype) * (1 - self.label_smoothing) + self.label_smoothing / target.shape[1]
        losses_NC = F.binary_cross_entropy_with_logits(logits_NC, goal_NC, reduction="none")
        return losses_NC.sum(dim=1) if self.over_classes == "sum" else losses_NC.mean(dim=1)
