"""Linear classifiers. Axes: B batch, W width, C classes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from antifaz.core.streams import only, parameter_name
from antifaz.core.tokens import Features
from antifaz.layers.transformer import init_transformer


class LinearClassifiers(nn.Module):
    """{name: (B, W)} -> {name: (B, C)}; a bare value where there is one input, whatever its name.

    Args:
        widths: of the inputs by name; each has a map of its own.
        classes: C.
        dropout: of the features, in training.
    """

    def __init__(self, widths: Mapping[str, int], classes: int, dropout: float) -> None:
        super().__init__()
        self.single_input = len(widths) == 1
        self.drop = nn.Dropout(dropout)
        if self.single_input:
            width = only(widths)
            # No name in its parameters, so that `share:` works between inputs of different names.
            self.map = nn.Linear(width, classes)
        else:
            self.maps = nn.ModuleDict({parameter_name(name): nn.Linear(width, classes) for name, width in widths.items()})
        self.apply(init_transformer)

    def forward(self, features: Mapping[str, Features]) -> Features | dict[str, Features]:
        if self.single_input:
            value = only(features)
            return Features(self.map(self.drop(value.values)), value.valid)
        maps = {name: self.maps[parameter_name(name)] for name in features}
        return {name: Features(maps[name](self.drop(value.values)), value.valid) for name, value in features.items()}
