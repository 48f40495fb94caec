"""Content-aware negative sampling: negatives by their distance from the answer.

Source: Lee et al. 2021: distances between the embeddings that enter the Transformers, scaled to [0, 1]; what lies outside the 95 %
interval is too near or too far and left out; the distance gives the probability. *Ours*: the interval lies between quantiles of
the distances from this answer; the probability grows with the scaled distance u (dissimilar) or with 1 - u (similar); where that
leaves no candidate (of two or fewer, or of equal distances), all are alike; draws are without repetition. Axes: R answers, G
candidates.
"""

from __future__ import annotations

import torch
from torch import Tensor


def content_weights(distance_RG: Tensor, candidate_RG: Tensor, content: str, interval: float) -> Tensor:
    """Return the likelihood of each candidate, up to a factor: (R, G), 0 where it is not a candidate or outside of the interval.

    A row whose weights would all be 0 has 1 for each of its candidates: an answer without negatives would be found for nothing.

    distance_RG: at least 0. candidate_RG: bool. content: `off`, `similar` or `dissimilar`.
    """
    if content == "off":
        return candidate_RG.to(distance_RG.dtype)
    least_R = distance_RG.masked_fill(~candidate_RG, float("inf")).amin(dim=1, keepdim=True)
    most_R = distance_RG.masked_fill(~candidate_RG, 0.0).amax(dim=1, keepdim=True)
    tiny = torch.finfo(distance_RG.dtype).tiny
    scaled_RG = ((distance_RG - least_R) / (most_R - least_R).clamp(min=tiny)).clamp(0, 1)
    low_R, high_R = (quantile(distance_RG, candidate_RG, q) for q in ((1 - interval) / 2, (1 + interval) / 2))
    kept_RG = candidate_RG & (distance_RG >= low_R) & (distance_RG <= high_R)
    weight_RG = torch.where(kept_RG, scaled_RG if content == "dissimilar" else 1 - scaled_RG, 0.0)
    return torch.where((weight_RG > 0).any(dim=1, keepdim=True), weight_RG, candidate_RG.to(weight_RG.dtype))


def quantile(values_RG: Tensor, among_RG: Tensor, q: float) -> Tensor:
    """(R, 1) the q-quantile of the marked values of each row, with linear interpolation; anything where none is marked."""
    order_RG = values_RG.masked_fill(~among_RG, float("inf")).sort(dim=1).values
    place_R = q * (among_RG.sum(dim=1, keepdim=True) - 1).clamp(min=0).to(values_RG.dtype)
    below_R, above_R = (order_RG.gather(1, place.long()) for place in (place_R.floor(), place_R.ceil()))
    return torch.where(below_R == above_R, below_R, torch.lerp(below_R, above_R, place_R - place_R.floor()))


def drawn(weight_RG: Tensor, count: int | None) -> Tensor:
    """(R, G) bool: `count` candidates of each row without repetition, likely by their weights; None for all of weight above 0.

    A row with fewer candidates gives those it has. Draws from torch's global generator.
    """
    possible_RG = weight_RG > 0
    if count is None or count >= weight_RG.shape[1]:
        return possible_RG
    # A race of exponential clocks: who is among the first is who would be drawn one after the other.
    time_RG = torch.empty_like(weight_RG).exponential_() / weight_RG.clamp(min=torch.finfo(weight_RG.dtype).tiny)
    first = time_RG.masked_fill(~possible_RG, float("inf")).topk(count, dim=1, largest=False).indices
    return torch.zeros_like(possible_RG).scatter(1, first, True) & possible_RG
