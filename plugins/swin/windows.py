"""Windows: a grid of tokens cut into boxes, shifted or not, and put together again.

Source: Liu et al. 2021, "Swin Transformer" (2D), and Liu et al. 2022, "Video Swin Transformer" (3D). The two published families
differ where a grid is smaller than its window, and both are kept, since their weights are made for it: a window of two numbers
(2D) stays as it is and the grid is padded; a window of three numbers shrinks to the grid. Where a window shrinks in height or
width, its tokens read the table as if they were the first ones of a full window, which is what the published 3D models do.
Padding is zeros after the norm: it is read like tokens, also as published.

Axes: B batch, L tokens of the grid, M windows, N tokens of a window, X anything, H heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .grids import Triple, as_triple

SEPARATE = -100.0
"""What is added to the scores of tokens that a shift has put side by side (the published value; finite, so that no row is NaN)."""


class Windows(nn.Module):
    """The cut of one stream's grid into windows in one kind of block. It has no parameters; its buffers follow from its arguments.

    Args:
        grid: (T, H, W), (H, W) or (F, T).
        window: two numbers, for each frame by itself, or three.
        shifted: by half a window, along the axes on which there is more than one.
    """

    index: Tensor
    regions: Tensor | None
    real: Tensor | None

    def __init__(self, grid: tuple[int, ...], window: tuple[int, ...], *, shifted: bool) -> None:
        super().__init__()
        self.grid = as_triple(grid)
        full = as_triple(window)
        self.window: Triple = full if len(window) == 2 else as_triple(tuple(map(min, self.grid, full)))
        self.padding = as_triple(tuple(-size % step for size, step in zip(self.grid, self.window, strict=True)))
        self.counts = as_triple(tuple((n + p) // w for n, p, w in zip(self.grid, self.padding, self.window, strict=True)))
        self.shift = as_triple(
            tuple(step // 2 if shifted and size > step else 0 for size, step in zip(self.grid, full, strict=True))
        )
        tokens = self.window[0] * self.window[1] * self.window[2]
        self.register_buffer("index", relative_index(full)[:tokens, :tokens].contiguous(), persistent=False)
        self.register_buffer("regions", self._regions() if any(self.shift) else None, persistent=False)
        self.register_buffer("real", self._real() if any(self.padding) else None, persistent=False)

    def cut(self, x_BLX: Tensor, fill: float = 0.0) -> Tensor:
        """(B, L, X) -> (B, M, N, X); what pads the grid is `fill`."""
        x = x_BLX.unflatten(1, self.grid)
        if any(self.padding):
            after_T, after_H, after_W = self.padding
            x = F.pad(x, (0, 0, 0, after_W, 0, after_H, 0, after_T), value=fill)
        if any(self.shift):
            x = torch.roll(x, [-step for step in self.shift], dims=(1, 2, 3))
        (t, h, w), (p, q, r) = self.counts, self.window
        boxes = x.reshape(len(x), t, p, h, q, w, r, -1).permute(0, 1, 3, 5, 2, 4, 6, 7)  # (B, t, h, w, p, q, r, X)
        windows_BMNX: Tensor = boxes.flatten(4, 6).flatten(1, 3)
        return windows_BMNX

    def join(self, x_BMNX: Tensor) -> Tensor:
        """(B, M, N, X) -> (B, L, X): the reverse of `cut`."""
        (t, h, w), (p, q, r) = self.counts, self.window
        boxes = x_BMNX.reshape(len(x_BMNX), t, h, w, p, q, r, -1)
        x = boxes.permute(0, 1, 4, 2, 5, 3, 6, 7).flatten(5, 6).flatten(3, 4).flatten(1, 2)  # (B, t*p, h*q, w*r, X)
        if any(self.shift):
            x = torch.roll(x, self.shift, dims=(1, 2, 3))
        if any(self.padding):
            frames, height, width = self.grid
            x = x[:, :frames, :height, :width]
        return x.flatten(1, 3)

    def cut_valid(self, valid_BL: Tensor | None) -> Tensor | None:
        """Validity of the tokens (B, L) -> (B, M, N), in which padding counts as valid; None stays None."""
        return None if valid_BL is None else self.cut(valid_BL[..., None].to(torch.uint8), fill=1).squeeze(-1).bool()

    def without_padding(self, x: Tensor, dim: int) -> Tensor:
        """An axis of M * N entries in the order of the windows -> one of L, without those of padding."""
        return x if self.real is None else x.index_select(dim, self.real)

    def bias(self, table: Tensor) -> Tensor:
        """Return the bias that is added to the scores: (1, H, N, N), or (M, H, N, N) where windows differ.

        table: (offsets, H), see `table_length`.
        """
        bias_1HNN = table[self.index].permute(2, 0, 1)[None]
        if self.regions is None:
            return bias_1HNN
        apart_MNN = self.regions[:, :, None] != self.regions[:, None, :]
        return bias_1HNN + bias_1HNN.new_zeros(()).masked_fill(apart_MNN, SEPARATE)[:, None]

    def _regions(self) -> Tensor:
        """(M, N) numbers; tokens with different ones are neighbours by the shift alone."""
        region = torch.zeros(1, *(n + p for n, p in zip(self.grid, self.padding, strict=True)), 1, dtype=torch.int64)
        for axis, (step, shift) in enumerate(zip(self.window, self.shift, strict=True), 1):
            if shift:
                size = region.shape[axis]
                place = torch.arange(size)
                number = (place >= size - step).long() + (place >= size - shift).long()
                region = region * 3 + number.view(*(-1 if i == axis else 1 for i in range(5)))
        (t, h, w), (p, q, r) = self.counts, self.window
        return region.reshape(t, p, h, q, w, r).permute(0, 2, 4, 1, 3, 5).reshape(t * h * w, p * q * r)

    def _real(self) -> Tensor:
        """(L,) places of the tokens among the M * N of all windows."""
        tokens = self.grid[0] * self.grid[1] * self.grid[2]
        marks = self.cut(torch.ones(1, tokens, 1, dtype=torch.uint8)).flatten()
        # By sorting, whose shape is known also on the meta device.
        return marks.argsort(descending=True, stable=True)[:tokens]


def table_length(window: tuple[int, ...]) -> int:
    """Return the number of offsets between two tokens of a window."""
    frames, height, width = as_triple(window)
    return (2 * frames - 1) * (2 * height - 1) * (2 * width - 1)


def relative_index(window: Triple) -> Tensor:
    """(N, N): for every pair of tokens of a window, the row of the table that holds their offset."""
    places = torch.stack(torch.meshgrid(*(torch.arange(size) for size in window), indexing="ij")).flatten(1)  # (3, N)
    index = torch.zeros((), dtype=torch.int64)
    for size, place in zip(window, places, strict=True):
        index = index * (2 * size - 1) + (place[:, None] - place[None, :] + size - 1)
    return index


def fitted_table(table: Tensor, length: int) -> Tensor:
    """A table (offsets, H) for windows that span more or less time; as it is where the lengths do not tell how.

    A flat one is repeated for every offset in time (Liu et al. 2022); of a long one, a flat window has the offset 0.
    """
    longer, shorter = max(len(table), length), min(len(table), length)
    times = longer // shorter
    if longer % shorter or times % 2 == 0:
        return table
    if len(table) == shorter:
        return table.repeat(times, 1)
    return table[times // 2 * shorter : (times // 2 + 1) * shorter]
