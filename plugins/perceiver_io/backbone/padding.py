"""Streams of different widths brought to one, each marked by a learned vector.

Source: Jaegle et al. 2022, section 3.2 and the public JAX code (modality vectors, masks). Axes: B batch, N tokens, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.streams import parameter_name
from antifaz.core.tokens import Tokens


class ModalityPadder(nn.Module):
    """{stream: (B, N, its width)} -> {stream: (B, N, width)}.

    Args:
        widths: of the streams that arrive.
        width: of those that leave.
        learned: whether what is appended is learned, one vector for each stream; else zeros.
        mask: chance by stream that a token is replaced by the stream's learned mask in training; 1 holds in evaluation too.
    """

    def __init__(self, widths: Mapping[str, int], width: int, *, learned: bool, mask: Mapping[str, float]) -> None:
        super().__init__()
        self.width, self.chance = width, dict(mask)
        missing = {parameter_name(name): width - arriving for name, arriving in widths.items() if arriving < width and learned}
        self.padding = nn.ParameterDict({name: nn.Parameter(torch.empty(count)) for name, count in missing.items()})
        self.masks = nn.ParameterDict({parameter_name(name): nn.Parameter(torch.empty(width)) for name in mask})
        for vector in self.parameters():
            nn.init.trunc_normal_(vector, std=0.02)

    def forward(self, streams: Mapping[str, Tokens]) -> dict[str, Tokens]:
        return {name: tokens.with_values(self._masked(name, self._padded(name, tokens.values))) for name, tokens in streams.items()}

    def _padded(self, name: str, x_BNW: Tensor) -> Tensor:
        key = parameter_name(name)
        if key not in self.padding:
            return F.pad(x_BNW, (0, self.width - x_BNW.shape[2]))
        return torch.cat([x_BNW, self.padding[key].expand(*x_BNW.shape[:2], -1).to(x_BNW.dtype)], dim=2)

    def _masked(self, name: str, x_BNW: Tensor) -> Tensor:
        if name not in self.chance:
            return x_BNW
        mask_W: Tensor = self.masks[parameter_name(name)].to(x_BNW.dtype)
        if self.chance[name] == 1:
            return mask_W.expand_as(x_BNW)
        if not self.training:
            return x_BNW
        return torch.where(torch.rand(*x_BNW.shape[:2], 1, device=x_BNW.device) < self.chance[name], mask_W, x_BNW)
