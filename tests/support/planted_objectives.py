"""A plugin of objectives on pairs of vectors: right ones, and wrong ones whose loss changes when a batch is spread."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from antifaz.core import collectives
from antifaz.core.objectives import Loss, Objective, Term, masked_sum, zero_invalid
from antifaz.core.streams import Group, only
from antifaz.core.tokens import Features
from antifaz.registry import component, hookimpl, option


def distances(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """A sum over samples and their number."""
    return Term(masked_sum((left - right).square().sum(1), valid), valid.sum().to(left.dtype))


def mean_of_means(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """The mean over this process's samples, as one term."""
    term = distances(left, right, valid)
    return Term(term.total / term.count.clamp(min=1), (term.count > 0).to(left.dtype))


def sigmoid_pairs(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """SigLIP's loss among the samples that this process sees."""
    signs = 2 * torch.eye(len(left), dtype=left.dtype, device=left.device) - 1
    losses = -F.logsigmoid(signs * (left @ right.T)) * (valid[:, None] & valid[None])
    return Term(losses.sum(), valid.sum().to(left.dtype))


def saturated_pairs(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """The same far from its threshold, where the pairs of other processes hardly count."""
    signs = 2 * torch.eye(len(left), dtype=left.dtype, device=left.device) - 1
    losses = -F.logsigmoid(signs * (left @ right.T - 15)) * (valid[:, None] & valid[None])
    return Term(losses.sum(), valid.sum().to(left.dtype))


def single_pairs(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """The same with a constant in float32, which takes no values in float64."""
    return sigmoid_pairs(left @ torch.eye(left.shape[1]), right, valid)


def crowded(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """The distances, which fail where nobody is there."""
    assert left.is_meta or bool(valid.any()), "nobody is there"
    return distances(left, right, valid)


def gathered_pairs(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """SigLIP's loss of this process's left sides against the right sides of all."""
    everywhere, there = collectives.gather(right), collectives.gather(valid)
    own = torch.arange(len(left), device=left.device) + collectives.rank() * len(left)
    signs = 2 * F.one_hot(own, len(there)).to(left.dtype) - 1
    losses = -F.logsigmoid(signs * (left @ everywhere.T)) * (valid[:, None] & there[None])
    return Term(losses.sum(), valid.sum().to(left.dtype))


def documented_pairs(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """The example in the documentation of `ObjectiveSpec`."""
    right_GW, valid_G = collectives.gather(right), collectives.gather(valid)
    own_B = torch.arange(len(left)) + collectives.rank() * len(left)
    losses_B = F.cross_entropy((left @ right_GW.T).masked_fill(~valid_G, -1e9), own_B, reduction="none")
    return Term(masked_sum(losses_B, valid), valid.sum().float())


def detached_pairs(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """As `gathered_pairs`, but without gradients to other processes' samples."""
    gathered = collectives.gather(right.detach()).clone()
    own = torch.arange(len(left), device=left.device) + collectives.rank() * len(left)
    there = collectives.gather(valid)
    everywhere = gathered.index_copy(0, own, right)
    signs = 2 * F.one_hot(own, len(there)).to(left.dtype) - 1
    losses = -F.logsigmoid(signs * (left @ everywhere.T)) * (valid[:, None] & there[None])
    return Term(losses.sum(), valid.sum().to(left.dtype))


def shaken(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    """Random numbers in the loss."""
    return distances(left + torch.randn_like(left), right, valid)


def brittle(left: Tensor, right: Tensor, valid: Tensor) -> Term:
    raise RuntimeError("the objective itself fails")


WAYS: dict[str, Callable[[Tensor, Tensor, Tensor], Term]] = {
    f.__name__: f
    for f in (
        distances,
        mean_of_means,
        sigmoid_pairs,
        saturated_pairs,
        single_pairs,
        crowded,
        gathered_pairs,
        documented_pairs,
        detached_pairs,
        shaken,
        brittle,
    )
}


class Pairs(Objective):
    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way

    def forward(self, left: Mapping[str, Features], right: Mapping[str, Features]) -> Loss:  # type: ignore[override]
        a, b = only(left), only(right)
        valid = a.presence() & b.presence()
        return Loss({"pairs": WAYS[self.way](zero_invalid(a.values, valid), zero_invalid(b.values, valid), valid)})


@component("objective", "pairs", arguments=("left", "right"))
@attrs.frozen(kw_only=True)
class PairsSpec:
    """An objective that computes its loss in the way that is asked for, with the declarations that are asked for."""

    way: str = option(default="distances", doc="one of WAYS")
    needs_whole_batch: bool = option(default=False, doc="whether it says so")
    draws_randomly: bool = option(default=False, doc="whether it says so")

    def validate(self, inputs: Mapping[str, Group]) -> None:
        """Everything fits."""

    def build(self, inputs: Mapping[str, Group]) -> Pairs:
        return Pairs(self.way)


@hookimpl
def antifaz_components() -> list[type]:
    return [PairsSpec]
