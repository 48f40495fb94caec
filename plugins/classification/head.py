"""Linear classifiers."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from antifaz.core.tokens import Features
from antifaz.core.transformer import init_transformer


class Heads(nn.Module):
    """{name: (B, W)} -> {name: (B, classes)}; a bare value where there is one input.

    Args:
        widths: of the inputs by name.
        classes: width of the logits.
        dropout: of the features, in training.
    """

    def __init__(self, widths: Mapping[str, int], classes: int, dropout: float) -> None:
        super().__init__()
        self.bare = len(widths) == 1
        self.drop = nn.Dropout(dropout)
        self.maps = nn.ModuleDict({name: nn.Linear(width, classes) for name, width in widths.items()})
        self.apply(init_transformer)

    def forward(self, features: Mapping[str, Features]) -> Features | dict[str, Features]:
        made = {name: Features(self.maps[name](self.drop(value.values)), value.valid) for name, value in features.items()}
        return next(iter(made.values())) if self.bare else made
