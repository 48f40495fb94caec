"""Residual networks. Source: He et al. 2016; separate maps of time and frequency as in the code of Lee et al. 2021.

Axes: B batch, C channels, T frames, H W height and width of pictures, F bins.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from antifaz.core.tokens import Features

from .networks_spec import EXPANSION

PER_GROUP = 16
"""Channels that are normalised together, at least."""

Size = tuple[int, ...]


class Unit(nn.Sequential):
    """Convolution, normalisation, and ReLU if it is followed by more of the same block."""

    def __init__(self, size_in: int, size_out: int, kernel: Size, stride: Size, *, relu: bool = True) -> None:
        convolution = nn.Conv3d if len(kernel) == 3 else nn.Conv2d
        padding = tuple(k // 2 for k in kernel)
        parts: list[nn.Module] = [convolution(size_in, size_out, kernel, stride, padding, bias=False), norm(size_out)]
        super().__init__(*parts, *([nn.ReLU()] if relu else []))
        nn.init.kaiming_normal_(parts[0].weight, mode="fan_out", nonlinearity="relu")  # type: ignore[arg-type]


def norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(channels, max(1, channels // PER_GROUP)), channels)


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
        size_out, unit = EXPANSION * size, tuple(1 for _ in stride)
        last = len(kernels) - 1
        self.units = nn.Sequential(
            *(
                Unit(
                    size_in if i == 0 else size,
                    size_out if i == last else size,
                    kernel,
                    stride if i == last - 1 else unit,
                    relu=i < last,
                )
                for i, kernel in enumerate(kernels)
            )
        )
        same = size_in == size_out and stride == unit
        self.shortcut = nn.Identity() if same else Unit(size_in, size_out, unit, stride, relu=False)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.activation(self.shortcut(x) + self.units(x))
        return result


class ResNet(nn.Module):
    """One input -> Features (B, channels of the last stage), the mean over all places. An absent sample stays absent.

    Args:
        stem: the first maps.
        stages: of blocks.
        channel: whether what arrives lacks the axis of channels.
    """

    def __init__(self, stem: nn.Module, stages: Sequence[nn.Module], *, channel: bool) -> None:
        super().__init__()
        self.stem, self.stages, self.channel = stem, nn.Sequential(*stages), channel

    def forward(self, features: Mapping[str, Features]) -> Features:
        (entry,) = features.values()
        x = entry.values[:, None] if self.channel else entry.values
        places = self.stages(self.stem(x)).flatten(2)
        return Features(places.mean(dim=2), entry.valid)


def video_resnet(channels: int, width: int, blocks: Sequence[int], frames: Sequence[int]) -> ResNet:
    """Over (B, C, T, H, W); halves height and width in the stem, in the pooling after it, and in each stage but the first."""
    stem = nn.Sequential(Unit(channels, width, (frames[0], 7, 7), (1, 2, 2)), nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)))
    kernels = [((length, 1, 1), (1, 3, 3), (1, 1, 1)) for length in frames[1:]]
    return ResNet(stem, _stages(width, blocks, kernels, (1, 2, 2)), channel=False)


def audio_resnet(width: int, blocks: Sequence[int], split: int) -> ResNet:
    """Over (B, F, T); halves both in the stem and in each stage but the first."""
    stem = nn.Sequential(Unit(1, width, (9, 1), (2, 1)), Unit(width, width, (1, 9), (1, 2)))
    middle = [((3, 1), (1, 3)) if stage < split else ((3, 3),) for stage in range(len(blocks))]
    return ResNet(stem, _stages(width, blocks, [((1, 1), *maps, (1, 1)) for maps in middle], (2, 2)), channel=True)


def _stages(width: int, blocks: Sequence[int], kernels: Sequence[Sequence[Size]], stride: Size) -> list[nn.Module]:
    """Stages of blocks, each twice as wide as the one before."""
    stages: list[nn.Module] = []
    size_in = width
    for i, count in enumerate(blocks):
        size = width * 2**i
        steps = [tuple(1 for _ in stride) if i == 0 or place > 0 else stride for place in range(count)]
        stages.append(
            nn.Sequential(
                *(Bottleneck(size_in if place == 0 else EXPANSION * size, size, kernels[i], s) for place, s in enumerate(steps))
            )
        )
        size_in = EXPANSION * size
    return stages
