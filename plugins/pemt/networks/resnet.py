"""Residual networks. Source: He et al. 2016; separate maps of time and frequency as in the code of Lee et al. 2021.

Axes: B batch, C channels, T frames, H W height and width of pictures, F bins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn

from antifaz.core.streams import only
from antifaz.core.tokens import Features
from antifaz.layers.batch_norm import MaskedBatchNorm

from .sizes import EXPANSION

Size = tuple[int, ...]


class Unit(nn.Module):
    """Convolution, batch normalisation over the samples that there are, and ReLU if more of the same block follows."""

    def __init__(self, size_in: int, size_out: int, kernel: Size, stride: Size, *, relu: bool = True) -> None:
        super().__init__()
        padding = tuple(k // 2 for k in kernel)
        convolution = nn.Conv3d if len(kernel) == 3 else nn.Conv2d
        self.map = convolution(size_in, size_out, kernel, stride, padding, bias=False)  # type: ignore[arg-type]
        self.norm = MaskedBatchNorm(size_out)
        self.activation = nn.ReLU() if relu else nn.Identity()
        nn.init.kaiming_normal_(self.map.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, valid_B: Tensor | None) -> Tensor:
        result: Tensor = self.activation(self.norm(self.map(x), valid_B))
        return result


class Bottleneck(nn.Module):
    """ReLU(x + the last of its units), x by a map of its own where the size changes.

    Args:
        size_in: C of what arrives.
        size: C inside; 4 times as much leaves.
        kernels: of the units.
        stride: of the unit before the last.
    """

    def __init__(self, size_in: int, size: int, kernels: Sequence[Size], stride: Size) -> None:
        super().__init__()
        once, last = tuple(1 for _ in stride), len(kernels) - 1
        sizes = [size_in, *(size for _ in kernels[1:]), EXPANSION * size]
        strides = [stride if i == last - 1 else once for i in range(last + 1)]
        self.units = nn.ModuleList(
            Unit(sizes[i], sizes[i + 1], kernel, strides[i], relu=i < last) for i, kernel in enumerate(kernels)
        )
        same = size_in == EXPANSION * size and stride == once
        self.shortcut = None if same else Unit(size_in, EXPANSION * size, once, stride, relu=False)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor, valid_B: Tensor | None) -> Tensor:
        inner = x
        for unit in self.units:
            inner = unit(inner, valid_B)
        result: Tensor = self.activation(inner + (x if self.shortcut is None else self.shortcut(x, valid_B)))
        return result


class ResNet(nn.Module):
    """One input -> Features (B, channels of the last stage), the mean over all places. An absent sample stays absent.

    Args:
        stem: the first maps.
        pool: what follows them.
        stages: of blocks.
        channel: whether what arrives lacks the axis of channels.
    """

    def __init__(self, stem: Sequence[Unit], pool: nn.Module, stages: Sequence[Sequence[Bottleneck]], *, channel: bool) -> None:
        super().__init__()
        self.stem, self.pool, self.channel = nn.ModuleList(stem), pool, channel
        self.stages = nn.ModuleList(nn.ModuleList(stage) for stage in stages)

    def forward(self, features: Mapping[str, Features]) -> Features:
        entry = only(features)
        x = entry.values[:, None] if self.channel else entry.values
        for unit in self.stem:
            x = unit(x, entry.valid)
        x = self.pool(x)
        for stage in self.stages:
            for block in cast(nn.ModuleList, stage):
                x = block(x, entry.valid)
        return Features(x.flatten(2).mean(dim=2), entry.valid)


def video_resnet(channels: int, width: int, blocks: Sequence[int], frames: Sequence[int]) -> ResNet:
    """Over (B, C, T, H, W); halves height and width in the stem, in the pooling after it, and in each stage but the first."""
    stem = [Unit(channels, width, (frames[0], 7, 7), (1, 2, 2))]
    kernels = [((length, 1, 1), (1, 3, 3), (1, 1, 1)) for length in frames[1:]]
    return ResNet(stem, nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)), _stages(width, blocks, kernels, (1, 2, 2)), channel=False)


def audio_resnet(width: int, blocks: Sequence[int], split: int) -> ResNet:
    """Over (B, F, T); halves both in the stem and in each stage but the first."""
    stem = [Unit(1, width, (9, 1), (2, 1)), Unit(width, width, (1, 9), (1, 2))]
    middle = [((3, 1), (1, 3)) if stage < split else ((3, 3),) for stage in range(len(blocks))]
    kernels = [((1, 1), *maps, (1, 1)) for maps in middle]
    return ResNet(stem, nn.Identity(), _stages(width, blocks, kernels, (2, 2)), channel=True)


def _stages(width: int, blocks: Sequence[int], kernels: Sequence[Sequence[Size]], stride: Size) -> list[list[Bottleneck]]:
    """Stages of blocks, each twice as wide as the one before; all but the first begin with a stride."""
    stages: list[list[Bottleneck]] = []
    size_in, once = width, tuple(1 for _ in stride)
    for i, count in enumerate(blocks):
        size = width * 2**i
        first = Bottleneck(size_in, size, kernels[i], once if i == 0 else stride)
        size_in = EXPANSION * size
        stages.append([first, *(Bottleneck(size_in, size, kernels[i], once) for _ in range(count - 1))])
    return stages
