"""Tubelets.  Source: Arnab et al. 2021. Axes: B batch, C channels, T H W video, t h w grid, N tokens."""

from __future__ import annotations

from torch import Tensor, nn

from antifaz.core.streams import Positions
from antifaz.core.tokens import Tokens, token_presence
from antifaz.layers.positions import adapted_positions, make_positions, with_positions
from antifaz.layers.transformer import init_transformer


class TubeletTokenizer(nn.Module):
    """(B, C, T, H, W) -> (B, N, width).

    Args:
        channels: of the video.
        patch: frames, height, width of a tubelet.
        grid: tubelets along each axis.
        width: of a token.
        positions: see antifaz.layers.positions.
        repeat: how often each frame stands, for pictures in place of video.
    """

    def __init__(
        self,
        channels: int,
        patch: tuple[int, int, int],
        grid: tuple[int, ...],
        width: int,
        *,
        positions: Positions = "learned",
        repeat: int = 1,
    ) -> None:
        super().__init__()
        self.patch, self.grid, self.repeat = patch, grid, repeat
        self.project = nn.Linear(channels * patch[0] * patch[1] * patch[2], width)
        self.positions = make_positions(positions, grid, width)
        self.apply(init_transformer)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, C, T, H, W). valid: (B,) bool or None."""
        (p, q, r), (t, h, w) = self.patch, self.grid
        if self.repeat > 1:
            raw = raw.repeat_interleave(self.repeat, dim=2)
        batch, channels = raw.shape[:2]
        cut = raw.reshape(batch, channels, t, p, h, q, w, r)  # (B, C, t, p, h, q, w, r)
        boxes = cut.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(4).flatten(1, 3)  # (B, t*h*w, C*p*q*r)
        values = with_positions(self.project(boxes), self.positions)
        return Tokens(values, self.grid, valid=token_presence(valid, values.shape[1]))

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Convolution kernels of video or pictures, and positions of another grid, as this module has them.

        A picture's kernel (width, C, H, W) is spread evenly over the frames, so that a clip that stands still gives what the
        picture gave (Carreira and Zisserman 2017).
        """
        kernel = weights.get("project.weight")
        if kernel is not None and kernel.dim() == 4:
            kernel = kernel[:, :, None].expand(-1, -1, self.patch[0], -1, -1) / self.patch[0]
        if kernel is not None and kernel.dim() == 5 and tuple(kernel.shape[2:]) == self.patch:
            weights = {**weights, "project.weight": kernel.flatten(1)}
        return adapted_positions(weights, self.grid)
