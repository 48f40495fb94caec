"""The projection into a shared space. Axes: B batch, W width of the input, H hidden, Z width of the embedding."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from antifaz.core.streams import only, parameter_name
from antifaz.core.tokens import Features
from antifaz.layers.batch_norm import MaskedBatchNorm
from antifaz.layers.transformer import init_transformer


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
        self.single_input = len(widths) == 1
        if self.single_input:
            size = only(widths)
            # No name in its parameters, so that `share:` works between inputs of different names.
            self.map = Projector(size, width, hidden, norm)
        else:
            self.maps = nn.ModuleDict({parameter_name(name): Projector(size, width, hidden, norm) for name, size in widths.items()})
        self.apply(init_transformer)

    def forward(self, features: Mapping[str, Features]) -> Features | dict[str, Features]:
        if self.single_input:
            value = only(features)
            return self._mapped(self.map, value)
        return {name: self._mapped(self.maps[parameter_name(name)], value) for name, value in features.items()}

    @staticmethod
    def _mapped(projector: nn.Module, value: Features) -> Features:
        return Features(projector(value.values, value.presence()), value.valid)


class Projector(nn.Module):
    """One linear map, or two with a hidden layer between them.  (B, W) -> (B, Z)"""

    def __init__(self, size: int, width: int, hidden: int | None, norm: str) -> None:
        super().__init__()
        self.hidden = None if hidden is None else Hidden(size, hidden, norm)
        self.out = nn.Linear(hidden or size, width)

    def forward(self, x_BW: Tensor, valid_B: Tensor) -> Tensor:
        result: Tensor = self.out(x_BW if self.hidden is None else self.hidden(x_BW, valid_B))
        return result


class Hidden(nn.Module):
    """Linear, norm, GELU.  (B, W) -> (B, H)"""

    def __init__(self, size: int, hidden: int, norm: str) -> None:
        super().__init__()
        # Batch norm would take a bias away again.
        self.up = nn.Linear(size, hidden, bias=norm != "batch")
        norms = {"layer": nn.LayerNorm, "batch": MaskedBatchNorm}
        self.norm = norms[norm](hidden) if norm in norms else nn.Identity()
        self.activation = nn.GELU()

    def forward(self, x_BW: Tensor, valid_B: Tensor) -> Tensor:
        x_BH = self.up(x_BW)
        x_BH = self.norm(x_BH, valid_B) if isinstance(self.norm, MaskedBatchNorm) else self.norm(x_BH)
        result: Tensor = self.activation(x_BH)
        return result
