"""Arrays of any number of axes as points: each point is a patch of the array, of the same size everywhere. No torch.

Axes: B batch, N points, C numbers in a point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from antifaz.registry import SpecError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Patches:
    """An array cut into patches. dims: of the array. patch: the size of a patch along each axis, a divisor of it."""

    dims: tuple[int, ...]
    patch: tuple[int, ...]

    @property
    def steps(self) -> tuple[int, ...]:
        """Patches along each axis."""
        return tuple(size // step for size, step in zip(self.dims, self.patch, strict=True))

    @property
    def grid(self) -> tuple[int, ...]:
        """Patches along the axes that are cut at all."""
        return tuple(count for count in self.steps if count > 1) or (1,)

    @property
    def count(self) -> int:
        return math.prod(self.steps)

    @property
    def channels(self) -> int:
        """Numbers in a point."""
        return math.prod(self.patch)


def patches_of(dims: Sequence[int], patch: Sequence[int] | None, *, field: str = "patch") -> Patches:
    """Patches of an array; without `patch`, (index, channels) holds a point in each row.

    Raises:
        SpecError: sizes that do not divide, or an array of other axes than the patch.
    """
    if patch is None:
        if len(dims) != 2:
            raise SpecError(
                f"{list(dims)} is not (index, channels)", field=field, hint="give `patch`, the size of a point along each axis"
            )
        patch = (1, dims[1])
    if len(patch) != len(dims):
        raise SpecError(f"a patch {list(patch)} has {len(patch)} axes, {list(dims)} has {len(dims)}", field=field)
    for size, step in zip(dims, patch, strict=True):
        if size % step:
            raise SpecError(f"{size} of {list(dims)} cannot be cut into {step}", field=field, hint="choose a divisor")
    return Patches(tuple(dims), tuple(patch))


def to_points(raw: Tensor, patches: Patches) -> Tensor:
    """(B, *dims) -> (B, N, C), points in the order of the axes, numbers of a point too."""
    split = [size for pair in zip(patches.steps, patches.patch, strict=True) for size in pair]
    axes = len(patches.dims)
    cut = raw.reshape(raw.shape[0], *split).permute(0, *range(1, 2 * axes, 2), *range(2, 2 * axes + 1, 2))
    return cut.reshape(raw.shape[0], patches.count, patches.channels)


def from_points(points_BNC: Tensor, patches: Patches) -> Tensor:
    """(B, N, C) -> (B, *dims): the inverse of `to_points`."""
    axes = len(patches.dims)
    cut = points_BNC.reshape(points_BNC.shape[0], *patches.steps, *patches.patch)
    pairs = [axis for i in range(axes) for axis in (1 + i, 1 + axes + i)]
    return cut.permute(0, *pairs).reshape(points_BNC.shape[0], *patches.dims)
