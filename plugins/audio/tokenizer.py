"""Patches of a spectrogram.  Source: Gong et al. 2021. Axes: B batch, F bins, T frames, N tokens."""

from __future__ import annotations

from torch import Tensor, nn

from antifaz.core.tokens import Tokens, token_presence
from antifaz.core.transformer import init_transformer, learned_positions, resampled_positions


class PatchTokenizer(nn.Module):
    """(B, F, T) -> (B, N, width).

    Args:
        patch: bins and frames of a patch.
        grid: patches along each axis.
        width: of a token.
        positions: whether a learned table is added.
    """

    def __init__(self, patch: tuple[int, int], grid: tuple[int, ...], width: int, *, positions: bool = True) -> None:
        super().__init__()
        self.patch, self.grid = patch, grid
        self.project = nn.Linear(patch[0] * patch[1], width)
        self.positions = learned_positions(*grid, width) if positions else None
        self.apply(init_transformer)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, F, T). valid: (B,) bool or None."""
        cut = raw.reshape(len(raw), self.grid[0], self.patch[0], self.grid[1], self.patch[1])  # (B, f, p, t, q)
        values = self.project(cut.transpose(2, 3).flatten(3).flatten(1, 2))
        if self.positions is not None:
            values = values + self.positions.flatten(0, 1)
        return Tokens(values, self.grid, valid=token_presence(valid, values.shape[1]))

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Kernels of pictures (width, C, F, T), their colours averaged (Gong et al. 2021), and positions of another grid."""
        kernel = weights.get("project.weight")
        if kernel is not None and kernel.dim() == 4 and tuple(kernel.shape[2:]) == self.patch:
            weights = {**weights, "project.weight": kernel.mean(dim=1).flatten(1)}
        if "positions" in weights:
            weights = {**weights, "positions": resampled_positions(weights["positions"], self.grid)}
        return weights
