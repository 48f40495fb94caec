"""The contract of loss terms: a sum and a count, so that any number of processes gives the loss of the whole global batch.

The engine adds `total` and `count` over all processes and minimises weight * total / count, whatever each of them saw: a process
whose batch lacks a modality contributes zero terms and still takes part in every collective call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from .tokens import Features


@dataclass(frozen=True)
class Loss:
    """total: scalar, the sum over the terms of this process, differentiable, float32 or float64.

    count: scalar of the same dtype, how many terms there were (valid samples or pairs); may be zero.
    logs: named scalars to log, detached.
    """

    total: Tensor
    count: Tensor
    logs: Mapping[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module):
    """Base of objectives. `forward` takes one keyword per name in the declaration's `arguments`, each a `{name: Features}` group."""

    def forward(self, **inputs: Mapping[str, Features]) -> Loss:
        raise NotImplementedError


def only(group: Mapping[str, Features]) -> Features:
    """The single member of a group that must have exactly one."""
    (member,) = group.values()
    return member
