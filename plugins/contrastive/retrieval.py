"""Retrieval of each sample's partner. Axes: Q queries, G gallery, W width."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from antifaz.core.objectives import only
from antifaz.core.tokens import Features

CHUNK = 4096


class PairRetrieval:
    """R@k in percent and the median rank, from query to gallery (`forward_`) and back (`backward_`).

    rank = 1 + number of strictly more similar ones + half of the ties, by cosine similarity, among the pairs whose sides are both
    valid. `chance@k` is what guessing gives.
    """

    def __init__(self, k: tuple[int, ...]) -> None:
        self.k = k

    def __call__(self, query: Mapping[str, Features], gallery: Mapping[str, Features]) -> dict[str, float]:
        left, right = only(query), only(gallery)
        valid = left.presence() & right.presence()
        a, b = (F.normalize(side.values[valid].float(), dim=-1) for side in (left, right))
        figures: dict[str, float] = {"gallery": float(len(a))}
        if len(a) == 0:
            return figures
        for name, ranks in (("forward", partner_ranks(a, b)), ("backward", partner_ranks(b, a))):
            figures.update({f"{name}_R@{k}": 100 * float((ranks <= k).float().mean()) for k in self.k})
            figures[f"{name}_median_rank"] = float(ranks.quantile(0.5))
        figures.update({f"chance@{k}": 100 * min(1.0, k / len(a)) for k in self.k})
        return figures


def partner_ranks(query_QW: Tensor, gallery_GW: Tensor) -> Tensor:
    """(Q,) float: the rank of gallery[i] for query[i]; unit vectors of one number."""
    ranks = []
    for start in range(0, len(query_QW), CHUNK):
        scores_QG = query_QW[start : start + CHUNK] @ gallery_GW.T
        rows = torch.arange(len(scores_QG))
        own_Q1 = scores_QG[rows, rows + start][:, None]
        ties_Q = (scores_QG == own_Q1).sum(dim=1) - 1
        ranks.append(1 + (scores_QG > own_Q1).sum(dim=1) + ties_Q / 2)
    return torch.cat(ranks)
