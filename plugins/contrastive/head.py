"""The projection into a shared space."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from antifaz.core.tokens import Features
from antifaz.core.transformer import init_transformer


class ProjectionHead(nn.Module):
    """{name: (B, W)} -> {name: (B, width)}, not normalised; a bare value where there is one input.

    Args:
        widths: of the inputs by name.
        width: of the embeddings.
        hidden: of the layer between, None for one linear map.
    """

    def __init__(self, widths: Mapping[str, int], width: int, hidden: int | None) -> None:
        super().__init__()
        self.bare = len(widths) == 1
        self.maps = nn.ModuleDict({name: _map(size, width, hidden) for name, size in widths.items()})
        self.apply(init_transformer)

    def forward(self, features: Mapping[str, Features]) -> Features | dict[str, Features]:
        made = {name: Features(self.maps[name](value.values), value.valid) for name, value in features.items()}
        return next(iter(made.values())) if self.bare else made


def _map(size: int, width: int, hidden: int | None) -> nn.Module:
    if hidden is None:
        return nn.Linear(size, width)
    return nn.Sequential(nn.Linear(size, hidden), nn.LayerNorm(hidden), nn.GELU(), nn.Linear(hidden, width))
