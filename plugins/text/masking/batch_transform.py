"""Ids hidden at random; see spec.py. Axes: ... samples and their sentences, L ids of a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from antifaz.core.tokens import Features

from ..words import SPECIALS

if TYPE_CHECKING:
    from .spec import MaskTokens


class HiddenTokens:
    """Padding and marks are never hidden. Draws from torch's global generator.

    Args:
        spec: what is hidden, and what stands there instead.
        ids: how many there are.
    """

    def __init__(self, spec: MaskTokens, ids: int) -> None:
        self.spec, self.ids = spec, ids

    def __call__(self, batch: Mapping[str, Features]) -> dict[str, Features]:
        entry = batch[self.spec.entry]
        ids = entry.values
        present = (ids >= len(SPECIALS)) & entry.presence().view(
            *entry.presence().shape, *(1,) * (ids.dim() - entry.presence().dim())
        )
        hidden = present & (self._draws(ids) < self.spec.rate)
        fate = torch.rand(ids.shape)
        other = torch.randint(len(SPECIALS), self.ids, ids.shape)
        seen = torch.where(fate < self.spec.random, other, self.spec.mask)
        seen = torch.where(hidden & (fate < 1 - self.spec.keep), seen, ids)
        return {
            **batch,
            self.spec.entry: Features(seen, entry.valid),
            self.spec.target: Features(torch.where(hidden, ids, 0), hidden),
        }

    def _draws(self, ids: Tensor) -> Tensor:
        """(..., L) in [0, 1): a number for each id, or one for all of a word."""
        draws = torch.rand(ids.shape)
        if self.spec.word_break is None:
            return draws
        breaks = ids == self.spec.word_break
        word = breaks.cumsum(dim=-1)  # 0 for the ids of the first word, and so on
        return torch.where(breaks, 1.0, draws.gather(-1, word.clamp(max=ids.shape[-1] - 1)))
