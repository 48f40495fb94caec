"""Patches of a spectrogram (Gong et al. 2021) and of a waveform (Akbari et al. 2021).

Axes: B batch, F bins, T frames, S samples, N tokens.
"""

from __future__ import annotations

from torch import Tensor, nn

from antifaz.core.streams import Positions
from antifaz.core.tokens import Tokens, token_presence
from antifaz.layers.positions import adapted_positions, make_positions, with_positions
from antifaz.layers.transformer import init_transformer


class SpectrogramTokenizer(nn.Module):
    """(B, F, T) -> (B, N, width).

    Args:
        patch: bins and frames of a patch.
        grid: patches along each axis.
        width: of a token.
        positions: see antifaz.layers.positions.
    """

    def __init__(self, patch: tuple[int, int], grid: tuple[int, ...], width: int, *, positions: Positions = "learned") -> None:
        super().__init__()
        self.patch, self.grid = patch, grid
        self.project = nn.Linear(patch[0] * patch[1], width)
        self.positions = make_positions(positions, grid, width)
        self.apply(init_transformer)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, F, T). valid: (B,) bool or None."""
        cut = raw.reshape(len(raw), self.grid[0], self.patch[0], self.grid[1], self.patch[1])  # (B, f, p, t, q)
        values = with_positions(self.project(cut.transpose(2, 3).flatten(3).flatten(1, 2)), self.positions)
        return Tokens(values, self.grid, valid=token_presence(valid, values.shape[1]))

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Kernels of pictures (width, C, F, T), their colours averaged (Gong et al. 2021), and positions of another grid."""
        kernel = weights.get("project.weight")
        if kernel is not None and kernel.dim() == 4 and tuple(kernel.shape[2:]) == self.patch:
            weights = {**weights, "project.weight": kernel.mean(dim=1).flatten(1)}
        return adapted_positions(weights, self.grid)


class WaveformTokenizer(nn.Module):
    """(B, S) -> (B, N, width): runs of samples, one linear map each.

    Args:
        patch: samples of a run.
        tokens: how many runs.
        width: of a token.
        positions: see antifaz.layers.positions.
    """

    def __init__(self, patch: int, tokens: int, width: int, *, positions: Positions) -> None:
        super().__init__()
        self.patch, self.grid = patch, (tokens,)
        self.project = nn.Linear(patch, width)
        self.positions = make_positions(positions, self.grid, width)
        self.apply(init_transformer)

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, S). valid: (B,) bool or None."""
        values = with_positions(self.project(raw.unflatten(1, (-1, self.patch))), self.positions)
        return Tokens(values, self.grid, valid=token_presence(valid, values.shape[1]))

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Positions of another length, as this module has them."""
        return adapted_positions(weights, self.grid)
