"""DropToken: in training, attention sees a random part of the tokens.

Source: Akbari et al. 2021, section 3.4; the released code draws one set for the whole batch.
Axes: B batch, N tokens, K kept tokens, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from antifaz.core.tokens import Tokens


class DropTokens(nn.Module):
    """stream -> Tokens (B, N, W) becomes stream -> Tokens (B, K, W) in training, and stays as it is in evaluation.

    The kept tokens stand in their old order; `index` says which cells of the grid they are.

    Args:
        rate: share of the tokens that are dropped.
        per_sample: whether every sample has a draw of its own.
    """

    def __init__(self, rate: float, *, per_sample: bool) -> None:
        super().__init__()
        self.rate, self.per_sample = rate, per_sample

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        if not self.training or self.rate == 0.0:
            return dict(streams)
        return {name: self._thinned(tokens) for name, tokens in streams.items()}

    def _thinned(self, tokens: Tokens) -> Tokens:
        batch, count, _ = tokens.values.shape
        kept_BK = self._drawn(batch, count, tokens.values.device)
        cells = kept_BK if tokens.index is None else tokens.index.gather(1, kept_BK)
        valid = None if tokens.valid is None else tokens.valid.gather(1, kept_BK)
        values = tokens.values.gather(1, kept_BK[:, :, None].expand(-1, -1, tokens.values.shape[2]))
        return Tokens(values, tokens.grid, cells, valid)

    def _drawn(self, batch: int, count: int, device: torch.device) -> Tensor:
        """(B, K) places of the tokens that are kept, in order."""
        keep = kept_tokens(count, self.rate)
        draws = torch.rand(batch if self.per_sample else 1, count, device=device)
        return draws.topk(keep, dim=1).indices.sort(dim=1).values.expand(batch, -1)


def kept_tokens(count: int, rate: float) -> int:
    """Return how many of so many tokens are kept: at least one."""
    return max(1, round(count * (1 - rate)))
