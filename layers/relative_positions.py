"""T5's relative positions: a learned bias of the attention scores for each head, by the distance of two tokens in buckets.

Source: Raffel et al. 2020, "Exploring the limits of transfer learning with a unified text-to-text transformer", section 2.1 and its
public code: half of the buckets for short distances one by one, the other half in logarithmic steps up to `max_distance`; what is
farther is one. A backbone holds one module, calls it once, and gives its result to every layer (the `bias` of
`antifaz.layers.attention.attend`), so that it is learned once.
Axes: H heads, R reader tokens, S source tokens.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class RelativePositions(nn.Module):
    """(R, S) -> (1, H, R, S), to be added to the attention scores.

    Args:
        heads: H.
        buckets: distances that are told apart, over both directions if there are two. A multiple of 4, or of 2 in one direction.
        max_distance: tokens from which on all distances are one.
        bidirectional: whether what comes after a token is told from what comes before it; otherwise what comes after counts as
            distance 0, for causal attention.
    Raises:
        ValueError: buckets that do not divide, or a distance that leaves none for the logarithmic half.
    """

    def __init__(self, heads: int, *, buckets: int = 32, max_distance: int = 64, bidirectional: bool = True) -> None:
        super().__init__()
        self.max_distance = max_distance
        self.bias = nn.Parameter(torch.empty(buckets, heads))
        nn.init.trunc_normal_(self.bias, std=0.02)
        distances = torch.arange(-max_distance, max_distance + 1)
        known = bucket_of(distances, buckets=buckets, max_distance=max_distance, bidirectional=bidirectional)
        self.register_buffer("bucket_by_distance", known, persistent=False)

    def forward(self, readers: int, sources: int) -> Tensor:
        """readers, sources: R and S."""
        bucket_by_distance = self.get_buffer("bucket_by_distance")
        rows = torch.arange(readers, device=bucket_by_distance.device)
        columns = torch.arange(sources, device=bucket_by_distance.device)
        distance_RS = (columns[None] - rows[:, None]).clamp(-self.max_distance, self.max_distance)
        bias_RSH = self.bias[bucket_by_distance[distance_RS + self.max_distance]]
        return bias_RSH.permute(2, 0, 1)[None]


def bucket_of(distance: Tensor, *, buckets: int, max_distance: int, bidirectional: bool) -> Tensor:
    """The bucket of each distance, the source's place minus the reader's, an integer tensor of any shape.

    Raises:
        ValueError: see RelativePositions.
    """
    own = buckets // 2 if bidirectional else buckets
    exact = own // 2
    if exact < 1 or own * (2 if bidirectional else 1) != buckets or exact * 2 != own:
        raise ValueError(f"{buckets} buckets do not divide; a multiple of {4 if bidirectional else 2} does")
    if max_distance <= exact:
        raise ValueError(f"a largest distance of {max_distance} leaves nothing for the {own} buckets; it must be above {exact}")
    first = torch.where(distance > 0, own, 0) if bidirectional else torch.zeros_like(distance)
    steps = distance.abs() if bidirectional else (-distance).clamp(min=0)
    share = (steps.clamp(min=1).float() / exact).log() / math.log(max_distance / exact)
    far = (exact + (share * (own - exact)).long()).clamp(max=own - 1)
    return first + torch.where(steps < exact, steps, far)
