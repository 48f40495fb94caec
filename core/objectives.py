"""The contract of loss terms: sums and counts, so that any number of processes gives the loss of the whole global batch.

The engine adds totals and counts over all processes and minimises weight * sum of total / count, whatever each process saw: one
whose batch lacks a modality contributes nothing to a term and still takes part in every collective call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from antifaz.core import collectives

from .tokens import Features


@dataclass(frozen=True)
class Term:
    """A mean in two parts, each a scalar in float32 or float64.

    total: the sum over what this process saw, differentiable where it is to be minimised.
    count: how many there were (valid samples or pairs); may be zero.
    """

    total: Tensor
    count: Tensor


@dataclass(frozen=True)
class Loss:
    """The result of an objective: the same names in every process and every step, whatever is absent.

    terms: their means add up to the loss (one for InfoNCE, one per head for a classifier).
    logs: figures whose means are worth watching, detached.
    """

    terms: Mapping[str, Term]
    logs: Mapping[str, Term] = field(default_factory=dict)


class Objective(nn.Module):
    """Base of objectives. `forward` takes a `{name: Features}` group for each of the declaration's `arguments`, by keyword."""

    def forward(self, **inputs: Mapping[str, Features]) -> Loss:
        raise NotImplementedError


def no_autocast(values: Tensor) -> contextlib.AbstractContextManager[object]:
    """Turn autocast off where these values are; the meta device has none. Traceable by torch.compile."""
    kind = values.device.type
    return contextlib.nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False)


def at_least_float32(values: Tensor) -> Tensor:
    """Return the values as float32, or as they are if they are float64."""
    return values if values.dtype == torch.float64 else values.float()


def zero_invalid(values: Tensor, valid: Tensor) -> Tensor:
    """(batch, ...) values with zeros where not valid: what an absent sample holds, NaN too, reaches neither loss nor gradient."""
    return torch.where(valid.view(-1, *(1 for _ in values.shape[1:])), values, torch.zeros_like(values))


def masked_sum(values: Tensor, valid: Tensor) -> Tensor:
    """Sum of (batch,) values where valid; the gradient of the others is zero."""
    return zero_invalid(values, valid).sum()


def reduce(losses: Mapping[str, Loss], weights: Mapping[str, float]) -> tuple[Tensor, dict[str, Tensor]]:
    """Normalise by the counts of all processes, in one collective call.

    Returns a local scalar whose sum over the processes is the loss of the global batch (for backward; scale it by the number of
    processes where gradients are averaged), and detached global values: `loss`, each objective by its name, and
    `objective.figure` for what it logs and, where it has several terms, for each term. What nobody counted is 0.
    """
    terms = [(name, key, term) for name, loss in losses.items() for key, term in loss.terms.items()]
    figures = [(name, key, term) for name, loss in losses.items() for key, term in loss.logs.items()]
    pairs = torch.stack([torch.stack((term.total.detach(), term.count)) for _, _, term in (*terms, *figures)])
    totals, counts = collectives.sum_over_ranks(pairs).unbind(dim=1)
    counts = counts.clamp(min=1)
    means = totals / counts
    # Weights stay numbers of the host: a tensor made of them would make the host wait for the device in every step.
    shares = [weights[name] * term.total / count for (name, _, term), count in zip(terms, counts, strict=False)]

    logs = {"loss": torch.stack([weights[name] * mean for (name, _, _), mean in zip(terms, means, strict=False)]).sum()}
    for (name, key, _), mean in zip(terms, means, strict=False):
        logs[name] = logs[name] + mean if name in logs else mean
        if len(losses[name].terms) > 1:
            logs[f"{name}.{key}"] = mean
    for (name, key, _), mean in zip(figures, means[len(terms) :], strict=True):
        logs[f"{name}.{key}"] = mean
    return torch.stack(shares).sum(), logs
