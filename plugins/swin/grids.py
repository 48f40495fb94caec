"""Arithmetic of grids: the three axes of any grid, what merging leaves of it, how small it may be. No torch."""

from __future__ import annotations

Triple = tuple[int, int, int]


def as_triple(grid: tuple[int, ...]) -> Triple:
    """(T, H, W) as it is; (H, W) or (F, T) as one frame."""
    frames, height, width = (1, *grid)[-3:]
    return frames, height, width


def merged(grid: tuple[int, ...]) -> tuple[int, ...]:
    """The grid after a 2 x 2 merging of its last two axes; odd sizes are padded."""
    return (*grid[:-2], -(-grid[-2] // 2), -(-grid[-1] // 2))


def smallest_side(stages: int) -> int:
    """The least size of the last two axes with which every merging of so many stages still has two cells to merge."""
    side: int = 2 ** (stages - 1)
    return side


def grid_of_stage(grid: tuple[int, ...], stage: int) -> tuple[int, ...]:
    """The grid that stage number `stage` (from 0) works on."""
    for _ in range(stage):
        grid = merged(grid)
    return grid
