"""The embedding of ids.

Source: Akbari et al. 2021 (VATT) and its code.
Axes: B batch, L ids of a sentence, V ids there are, W width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from antifaz.core.tokens import Tokens
from antifaz.layers.positions import learned_positions
from antifaz.layers.transformer import init_transformer
from antifaz.registry import SpecError

from .words import PAD


class TokenEmbedder(nn.Module):
    """(B, L) -> (B, L, W); padding is marked invalid.

    Args:
        ids: V.
        length: L.
        width: W.
        table: width of the table, which is then mapped to W by a linear map without bias and GELU; None for a table of W.
        frozen: a table that is no parameter, and keeps its values.
        positions: whether there is a position table.
    """

    def __init__(
        self, ids: int, length: int, width: int, *, table: int | None = None, frozen: bool = False, positions: bool = True
    ) -> None:
        super().__init__()
        self.length = length
        self.project = None if table is None else nn.Linear(table, width, bias=False)
        self.apply(init_transformer)
        vectors_VW = torch.empty(ids, table or width)
        nn.init.trunc_normal_(vectors_VW, std=vectors_VW.shape[1] ** -0.5)
        if frozen:
            self.register_buffer("table", vectors_VW)
        else:
            self.table = nn.Parameter(vectors_VW)
        self.positions = learned_positions(length, width) if positions else None

    def forward(self, raw: Tensor, valid: Tensor | None = None) -> Tokens:
        """raw: (B, L) ids. valid: (B,) bool or None."""
        values_BLW = F.embedding(raw, self.table)
        if self.project is not None:
            values_BLW = F.gelu(self.project(values_BLW))
        if self.positions is not None:
            values_BLW = values_BLW + self.positions
        said_BL = raw != PAD
        return Tokens(values_BLW, (self.length,), valid=said_BL if valid is None else said_BL & valid[:, None])

    def adapt(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """A lone table (word vectors) is enough, the rest stays fresh; of a longer position table the first places are taken.

        Raises:
            SpecError: a table for another number of ids.
        """
        table, positions = weights.get("table"), weights.get("positions")
        if table is not None and len(table) != len(self.table):
            raise SpecError(
                f"the vocabulary has {len(self.table)} ids, that of the weights had {len(table)}",
                hint="use the vocabulary that they were trained with",
            )
        if set(weights) == {"table"}:
            return {**self.state_dict(), **weights}
        if positions is not None and len(positions) > self.length:
            return {**weights, "positions": positions[: self.length]}
        return weights
