"""Retrieval of each sample's partner.

Source: the usual protocol of text-video retrieval (R@k, median rank); the rule for ties is *ours*.
Axes: Q queries, G gallery, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from antifaz.core.streams import only
from antifaz.core.tokens import Features

SCORES_AT_ONCE = 2**24
"""Similarities held at a time: 128 MiB."""
TIE = 1e-12
"""Similarities (float64) closer than this are one: equal vectors may differ by rounding, depending on where they stand."""


class PairRetrieval:
    """R@k in percent and the median rank, from query to gallery (`forward_`) and back (`backward_`).

    rank = 1 + number of strictly more similar ones + half of the ties, by cosine similarity, among the pairs whose sides are both
    valid. `chance@k` is what guessing gives, `gallery` the number of pairs; without any there are no other figures.

    Args:
        k: the k of R@k.
    """

    lower_is_better = ("forward_median_rank", "backward_median_rank")

    def __init__(self, k: tuple[int, ...]) -> None:
        self.k = k

    def __call__(self, query: Mapping[str, Features], gallery: Mapping[str, Features]) -> dict[str, float]:
        if not query or not gallery:
            return {"gallery": 0.0}
        left, right = only(query), only(gallery)
        valid = left.presence() & right.presence()
        a, b = (F.normalize(side.values[valid].double(), dim=-1) for side in (left, right))
        figures = {"gallery": float(len(a))}
        if len(a) == 0:
            return figures
        for name, ranks in (("forward", partner_ranks(a, b)), ("backward", partner_ranks(b, a))):
            figures.update({f"{name}_R@{k}": 100 * float((ranks <= k).double().mean()) for k in self.k})
            figures[f"{name}_median_rank"] = float(ranks.quantile(0.5))
        figures.update({f"chance@{k}": 100 * min(1.0, k / len(a)) for k in self.k})
        return figures


def partner_ranks(query_QW: Tensor, gallery_GW: Tensor) -> Tensor:
    """(Q,) the rank of gallery[i] for query[i]; float64 unit vectors, Q = G. What is not a number counts as more similar."""
    rows = max(1, SCORES_AT_ONCE // len(gallery_GW))
    return torch.cat([_ranks(query_QW[start : start + rows] @ gallery_GW.T, start) for start in range(0, len(query_QW), rows)])


def _ranks(scores_QG: Tensor, start: int) -> Tensor:
    own_Q1 = scores_QG.diagonal(start)[:, None]
    above_Q = (~(scores_QG <= own_Q1 + TIE)).sum(dim=1)
    ties_Q = ((scores_QG - own_Q1).abs() <= TIE).sum(dim=1) - 1
    return 1 + above_Q + ties_Q.clamp(min=0) / 2
