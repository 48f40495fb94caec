"""The contract of loss terms: sums and counts, so that any number of processes gives the loss of the whole global batch.

The engine adds each term's count over all processes and minimises weight * sum of total / count, whatever each process saw: one
whose batch lacks a modality contributes zero terms and still takes part in every collective call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from . import distributed
from .tokens import Features


@dataclass(frozen=True)
class Term:
    """total: scalar, the sum over the terms of this process, differentiable, float32 or float64.

    count: scalar of the same dtype: how many there were (valid samples or pairs); may be zero.
    """

    total: Tensor
    count: Tensor


@dataclass(frozen=True)
class Loss:
    """Terms whose means add up (one for InfoNCE, one per head for a classifier), and named scalars to log, detached."""

    terms: Mapping[str, Term]
    logs: Mapping[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module):
    """Base of objectives. `forward` takes a `{name: Features}` group for each of the declaration's `arguments`, by keyword."""

    def forward(self, **inputs: Mapping[str, Features]) -> Loss:
        raise NotImplementedError


def only(group: Mapping[str, Features]) -> Features:
    """The single member of a group that must have exactly one."""
    (member,) = group.values()
    return member


def masked_sum(values: Tensor, valid: Tensor) -> Tensor:
    """Sum of (batch,) values where valid; the others have no influence and no gradient, whatever they are."""
    return torch.where(valid, values, torch.zeros_like(values)).sum()


def reduce(losses: Mapping[str, Loss], weights: Mapping[str, float]) -> tuple[Tensor, dict[str, Tensor]]:
    """Normalise by the counts of all processes.

    Returns a local scalar whose sum over the processes is the loss of the global batch (for backward; scale it by the number of
    processes where gradients are averaged), and the detached global value of every objective and of their weighted `loss`.
    """
    terms = [(name, term) for name, loss in losses.items() for term in loss.terms.values()]
    counts = distributed.sum_over_ranks(torch.stack([term.count for _, term in terms])).clamp(min=1)
    shares = torch.stack([term.total for _, term in terms]) / counts
    weight = torch.tensor([weights[name] for name, _ in terms], dtype=shares.dtype, device=shares.device)
    values = distributed.sum_over_ranks(shares)
    logs = {"loss": (values * weight).sum()}
    for name in losses:
        logs[name] = torch.stack([value for (owner, _), value in zip(terms, values, strict=True) if owner == name]).sum()
    return (shares * weight).sum(), logs
