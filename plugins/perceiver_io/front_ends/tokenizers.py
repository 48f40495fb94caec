"""Raw modalities as tokens.

Source: Jaegle et al. 2022, appendices D to H; order of values within a patch as in the public JAX code (channels last).
Axes: B batch, C channels, N tokens, W width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.tokens import Tokens, token_presence
from antifaz.layers.batch_norm import MaskedBatchNorm

from ..layers import init_perceiver


class ArrayPatchTokenizer(nn.Module):
    """(B, C, *axes) or (B, *axes) -> (B, N, W).

    Args:
        patch: size along each axis.
        cells: patches along each axis.
        grid: the same without axes of one patch.
        values: numbers in a patch, surroundings included.
        place: joins values and positions.
        width: of a linear map of the patch, None for none.
        surroundings: neighbours on each side along the last two axes, zero outside, that become channels before cutting.
        has_channels: whether the first axis after the batch is the channels.
    """

    def __init__(
        self,
        patch: tuple[int, ...],
        cells: tuple[int, ...],
        grid: tuple[int, ...],
        values: int,
        place: nn.Module,
        *,
        width: int | None,
        surroundings: int,
        has_channels: bool,
    ) -> None:
        super().__init__()
        self.patch, self.cells, self.grid = patch, cells, grid
        self.surroundings, self.has_channels = surroundings, has_channels
        self.project = None if width is None else nn.Linear(values, width)
        self.place = place
        self.apply(init_perceiver)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """valid: (B,) bool or None."""
        x = raw if self.has_channels else raw[:, None]
        if self.surroundings:
            x = with_surroundings(x, self.surroundings)
        x_BNW = self._cut(x)
        if self.project is not None:
            x_BNW = self.project(x_BNW)
        return Tokens(self.place(x_BNW), self.grid, valid=token_presence(valid, x_BNW.shape[1]))

    def _cut(self, x: Tensor) -> Tensor:
        """(B, C, *axes) -> (B, N, patch values): axes of the patch in order, then the channels."""
        sizes = [size for pair in zip(self.cells, self.patch, strict=True) for size in pair]
        outer = range(2, 2 + len(sizes), 2)
        inner = range(3, 3 + len(sizes), 2)
        cut = x.reshape(*x.shape[:2], *sizes).permute(0, *outer, *inner, 1)
        return cut.reshape(x.shape[0], math.prod(self.cells), -1)


def with_surroundings(x: Tensor, reach: int) -> Tensor:
    """(B, C, ..., H, W) -> (B, k*k*C, ..., H, W) with k = 2 reach + 1: neighbours by row, column, channel; zero outside."""
    size = 2 * reach + 1
    padded = F.pad(x, (reach, reach, reach, reach))
    near = padded.unfold(-2, size, 1).unfold(-2, size, 1)  # (B, C, ..., H, W, k, k)
    return near.movedim((-2, -1), (1, 2)).flatten(1, 3)


class ConvTokenizer(nn.Module):
    """(B, C, H, W) -> (B, N, W): convolution, batch norm over the valid samples, ReLU, maximum.

    Args:
        channels: of the pictures.
        width: of the convolution.
        grid: cells along both axes.
        place: joins values and positions.
        same: padding that halves every size, by TensorFlow's rule (more of it last); else 3 all around and none at the maximum.
    """

    def __init__(self, channels: int, width: int, grid: tuple[int, ...], place: nn.Module, *, same: bool) -> None:
        super().__init__()
        self.grid, self.same = grid, same
        self.conv = nn.Conv2d(channels, width, 7, stride=2, bias=False)
        self.norm = MaskedBatchNorm(width)
        self.place = place
        self.apply(init_perceiver)
        nn.init.trunc_normal_(self.conv.weight, std=(49 * channels) ** -0.5)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """valid: (B,) bool or None."""
        x_BCHW = self.conv(self._padded(raw, 7, 0.0) if self.same else F.pad(raw, (3, 3, 3, 3)))
        batch, channels, height, width = x_BCHW.shape
        cells_NC = x_BCHW.permute(0, 2, 3, 1).reshape(-1, channels)
        present = torch.ones(batch, dtype=torch.bool, device=raw.device) if valid is None else valid
        normed_NC = self.norm(cells_NC, present.repeat_interleave(height * width)).relu()
        x_BCHW = normed_NC.view(batch, height, width, channels).permute(0, 3, 1, 2)
        x_BCHW = F.max_pool2d(self._padded(x_BCHW, 3, float("-inf")) if self.same else x_BCHW, 3, stride=2)
        x_BNC = x_BCHW.flatten(2).transpose(1, 2)
        return Tokens(self.place(x_BNC), self.grid, valid=token_presence(valid, x_BNC.shape[1]))

    @staticmethod
    def _padded(x_BCHW: Tensor, kernel: int, value: float) -> Tensor:
        """Pad so that a window of stride 2 gives half of every size, rounded up."""
        both = []
        for size in reversed(x_BCHW.shape[2:]):
            total = max(0, ((size + 1) // 2 - 1) * 2 + kernel - size)
            both += [total // 2, total - total // 2]
        return F.pad(x_BCHW, both, value=value)


class VocabularyTokenizer(nn.Module):
    """(B, N) numbers of a vocabulary -> (B, N, W)."""

    def __init__(self, vocabulary: int, tokens: int, width: int, padding: int | None) -> None:
        super().__init__()
        self.padding = padding
        self.embedding = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.empty(tokens, width))
        nn.init.trunc_normal_(self.embedding.weight, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, N) int64. valid: (B,) bool or None; padding is invalid."""
        marks = token_presence(valid, raw.shape[1])
        if self.padding is not None:
            filled = raw != self.padding
            marks = filled if marks is None else marks & filled
        return Tokens(self.embedding(raw) + self.positions, (raw.shape[1],), valid=marks)


class LabelTokenizer(nn.Module):
    """(B,) class numbers or (B, classes) shares -> (B, 1, classes). Without parameters."""

    like: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("like", torch.zeros(()), persistent=False)  # tells the type of the model

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        shares = raw if raw.dim() > 1 else (raw[:, None] == torch.arange(self.classes, device=raw.device)).to(self.like.dtype)
        return Tokens(shares[:, None], (1,), valid=token_presence(valid, 1))


class EntityTokenizer(nn.Module):
    """(B, N, features) -> (B, N, W).

    Args:
        features: of an entity.
        width: of a token.
        exists: the feature that is above 0 where there is an entity, None if all exist.
    """

    def __init__(self, features: int, width: int, exists: int | None) -> None:
        super().__init__()
        self.exists = exists
        self.project = nn.Linear(features, width)
        self.apply(init_perceiver)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        marks = token_presence(valid, raw.shape[1])
        if self.exists is not None:
            exists = raw[..., self.exists] > 0
            marks = exists if marks is None else marks & exists
        return Tokens(self.project(raw), (raw.shape[1],), valid=marks)


class PositionTokens(nn.Module):
    """(batch size) -> (batch, N, W): the same places for every sample, without parameters."""

    like: Tensor

    def __init__(self, grid: tuple[int, ...], table: nn.Module) -> None:
        super().__init__()
        self.grid, self.table = grid, table
        self.register_buffer("like", torch.zeros(()), persistent=False)  # tells the device and the type of the model

    def forward(self, batch_size: int) -> Tokens:
        return Tokens(self.table(self.like).expand(batch_size, -1, -1), self.grid)
