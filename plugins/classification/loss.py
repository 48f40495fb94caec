"""Losses of classifiers, one term for each head. Axes: B batch, C classes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from antifaz.core.objectives import Loss, Objective, Term, masked_sum, only
from antifaz.core.tokens import Features


class _HeadLoss(Objective):
    """The sum over heads of the mean over samples for which both the head and the target exist."""

    def __init__(self, label_smoothing: float) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def per_sample(self, logits_BC: Tensor, target: Tensor) -> Tensor:
        """(B,) losses."""
        raise NotImplementedError

    def forward(self, logits: Mapping[str, Features], target: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        wanted = only(target)
        terms, logs = {}, {}
        for name, head in logits.items():
            scores_BC = head.values if head.values.dtype == torch.float64 else head.values.float()
            valid_B = head.presence() & wanted.presence()
            losses_B = self.per_sample(scores_BC, wanted.values)
            terms[name] = Term(masked_sum(losses_B, valid_B), valid_B.sum().to(scores_BC.dtype))
            logs[name] = (terms[name].total / terms[name].count.clamp(min=1)).detach()
        return Loss(terms, logs)


class CategoricalLoss(_HeadLoss):
    """Cross-entropy; target (B,) int64 classes or (B, C) shares.

    Args:
        label_smoothing: share of the target that is spread evenly.
    """

    def per_sample(self, logits_BC: Tensor, target: Tensor) -> Tensor:
        goal = target.to(logits_BC.dtype) if target.is_floating_point() else target
        return F.cross_entropy(logits_BC, goal, reduction="none", label_smoothing=self.label_smoothing)


class BinaryLoss(_HeadLoss):
    """Binary cross-entropy, the mean over classes; target (B, C) in [0, 1].

    Args:
        label_smoothing: pulls every target towards one half.
    """

    def per_sample(self, logits_BC: Tensor, target: Tensor) -> Tensor:
        goal = target.to(logits_BC.dtype) * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        return F.binary_cross_entropy_with_logits(logits_BC, goal, reduction="none").mean(dim=1)
