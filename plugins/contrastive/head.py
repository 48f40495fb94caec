"""The projection into a shared space. Axes: B batch, W width of the input, H hidden, Z width of the embedding."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from antifaz.core.tokens import Features
from antifaz.core.transformer import init_transformer

from .batch_norm import MaskedBatchNorm


class ProjectionHead(nn.Module):
    """{name: (B, W)} -> {name: (B, Z)}, not normalised; a bare value where there is one input, whatever its name.

    Args:
        widths: of the inputs by name; each has a map of its own.
        width: Z.
        hidden: H, None for one linear map.
        norm: of the hidden layer: `layer`, `batch` or `none`.
    """

    def __init__(self, widths: Mapping[str, int], width: int, hidden: int | None, norm: str) -> None:
        super().__init__()
        self.bare = len(widths) == 1
        if self.bare:
            (size,) = widths.values()
            # No name in its parameters, so that `share:` works between inputs of different names.
            self.map = Projector(size, width, hidden, norm)
        else:
            self.maps = nn.ModuleDict({name: Projector(size, width, hidden, norm) for name, size in widths.items()})
        self.apply(init_transformer)

    def forward(self, features: Mapping[str, Features]) -> Features | dict[str, Features]:
        if self.bare:
            (value,) = features.values()
            return self._mapped(self.map, value)
        return {name: self._mapped(self.maps[name], value) for name, value in features.items()}

    @staticmethod
    def _mapped(projector: nn.Module, value: Features) -> Features:
        return Features(projector(value.values, value.presence()), value.valid)


class Projector(nn.Module):
    """One linear map, or linear, norm, GELU, linear.  (B, W) -> (B, Z)"""

    def __init__(self, size: int, width: int, hidden: int | None, norm: str) -> None:
        super().__init__()
        self.up = None if hidden is None else nn.Linear(size, hidden)
        self.norm = None if hidden is None else _norm(norm, hidden)
        self.activation = nn.GELU()
        self.out = nn.Linear(hidden or size, width)

    def forward(self, x: Tensor, valid_B: Tensor) -> Tensor:
        if self.up is not None:
            x = self.up(x)
            x = self.norm(x, valid_B) if isinstance(self.norm, MaskedBatchNorm) else self.norm(x)
            x = self.activation(x)
        result: Tensor = self.out(x)
        return result


def _norm(kind: str, width: int) -> nn.Module:
    norms = {"layer": nn.LayerNorm, "batch": MaskedBatchNorm}
    return norms[kind](width) if kind in norms else nn.Identity()
