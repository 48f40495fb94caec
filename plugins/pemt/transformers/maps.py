"""The linear maps of a layer: one matrix for all who use it, or low-rank ones that Transformers share in part.

Source: Lee et al. 2021 (W = U Sigma V^T with a shared U) and the authors' code: y = U Q_m normalize(V_m x) + b with an orthogonal
Q_m for each Transformer m. The first values of low-rank maps are *ours*.
Axes: I width of what arrives, O width of what leaves, R rank.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.objectives import no_autocast
from antifaz.core.streams import parameter_name

START = 0.1
"""Deviation of U's first values: at first a layer changes little of what it gets, which tells samples apart better than it does."""

Map = Callable[[Tensor], Tensor]
"""(..., I) -> (..., O)"""


class LowRankMap(nn.Module):
    """A linear map for each of several Transformers: U and b are theirs together, V and Q each one's own.

    Args:
        size_in: I.
        size_out: O.
        rank: R.
        members: the Transformers by name.
    """

    def __init__(self, size_in: int, size_out: int, rank: int, members: Iterable[str]) -> None:
        super().__init__()
        names = [parameter_name(member) for member in members]
        # What U is applied to has length 1, so its results are about START wide, whatever the sizes.
        self.weight = nn.Parameter(START * torch.randn(size_out, rank))
        self.bias = nn.Parameter(torch.zeros(size_out))
        self.down = nn.ParameterDict({name: nn.Parameter(torch.empty(rank, size_in)) for name in names})
        self.skew = nn.ParameterDict({name: nn.Parameter(torch.zeros(rank, rank)) for name in names})
        for weight in self.down.values():
            nn.init.xavier_uniform_(weight)

    def of(self, member: str, rotation_RR: Tensor) -> Map:
        """The map of one Transformer. rotation_RR: its Q, which `rotations` makes of its skew matrix."""
        return functools.partial(_apply, self.down[parameter_name(member)], self.weight @ rotation_RR, self.bias)


def _apply(down_RI: Tensor, up_OR: Tensor, bias_O: Tensor, x: Tensor) -> Tensor:
    inner = F.normalize(F.linear(x, down_RI), dim=-1)
    mapped: Tensor = F.linear(inner, up_OR, bias_O)
    return mapped


def rotations(skew_NRR: Tensor) -> Tensor:
    """Orthogonal matrices (N, R, R): exponentials of the skew-symmetric ones that the numbers below the diagonals stand for."""
    lower = skew_NRR.tril(-1)
    exponentials: Tensor = torch.linalg.matrix_exp(lower - lower.mT)
    return exponentials


def maps_of(layers: Mapping[str, nn.Module], member: str) -> dict[str, Map]:
    """The maps as one Transformer uses them; those of full rank are the same for all."""
    low = {name: layer for name, layer in layers.items() if isinstance(layer, LowRankMap)}
    if not low:
        return dict(layers)
    skew_NRR = torch.stack([layer.skew[parameter_name(member)] for layer in low.values()])
    with no_autocast(skew_NRR):  # products of weights are rounded once, when they meet the tokens
        turned = rotations(skew_NRR)
        return {name: layer.of(member, rotation) for (name, layer), rotation in zip(low.items(), turned, strict=True)}
