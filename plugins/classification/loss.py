"""Losses of classifiers, one term for each head.

Source: Szegedy et al. 2016 (label smoothing); its form for several labels is that of the public Scenic code (MBT). One head per
output and the sum over heads are *ours*. Axes: B batch, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from antifaz.core.objectives import Loss, Objective, Term, blank_absent, full_precision, masked_sum, only, wide
from antifaz.core.tokens import Features


class HeadLoss(Objective):
    """The sum over heads of the mean over the samples for which both the head and the target exist. At least float32.

    Args:
        heads: the names of those that learn, None for all.
        label_smoothing: share of the target that is spread over all classes.
    """

    def __init__(self, heads: tuple[str, ...] | None, label_smoothing: float) -> None:
        super().__init__()
        self.heads, self.label_smoothing = heads, label_smoothing

    def per_sample(self, logits_BC: Tensor, target: Tensor) -> Tensor:
        """(B,) losses."""
        raise NotImplementedError

    def hits(self, logits_BC: Tensor, target: Tensor) -> Tensor | None:
        """(B,) bool, whether the best class is right, or None where that is no question."""
        return None

    def forward(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        wanted = only(target)
        terms, logs = {}, {}
        for name, head in logits.items():
            if self.heads is not None and name not in self.heads:
                continue
            valid_B = head.presence() & wanted.presence()
            with full_precision(head.values):
                scores_BC = blank_absent(wide(head.values), valid_B)
                goal = blank_absent(wanted.values, valid_B)
                count = valid_B.sum().to(scores_BC.dtype)
                terms[name] = Term(masked_sum(self.per_sample(scores_BC, goal), valid_B), count)
                hits_B = self.hits(scores_BC.detach(), goal)
            if hits_B is not None:
                logs[f"{name}.accuracy"] = Term(masked_sum(hits_B.to(count.dtype), valid_B), count)
        return Loss(terms, logs)


class CategoricalLoss(HeadLoss):
    """Cross-entropy; target (B,) int64 classes, or (B, C) shares."""

    def per_sample(self, logits_BC: Tensor, target: Tensor) -> Tensor:
        goal = target.to(logits_BC.dtype) if target.is_floating_point() else target
        return F.cross_entropy(logits_BC, goal, reduction="none", label_smoothing=self.label_smoothing)

    def hits(self, logits_BC: Tensor, target: Tensor) -> Tensor:
        return logits_BC.argmax(dim=1) == (target.argmax(dim=1) if target.is_floating_point() else target)


class BinaryLoss(HeadLoss):
    """Binary cross-entropy; target (B, C) in [0, 1], which smoothing moves to (1 - s) * target + s / C.

    Args:
        over_classes: `mean`, or `sum` as in Scenic.
    """

    def __init__(self, heads: tuple[str, ...] | None, label_smoothing: float, over_classes: str) -> None:
        super().__init__(heads, label_smoothing)
        self.over_classes = over_classes

    def per_sample(self, logits_BC: Tensor, target: Tensor) -> Tensor:
        goal_BC = target.to(logits_BC.dtype) * (1 - self.label_smoothing) + self.label_smoothing / target.shape[1]
        losses_BC = F.binary_cross_entropy_with_logits(logits_BC, goal_BC, reduction="none")
        return losses_BC.sum(dim=1) if self.over_classes == "sum" else losses_BC.mean(dim=1)
