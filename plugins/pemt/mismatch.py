"""Pairs that do not belong together. Axes: B batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from antifaz.core.tokens import Features


class ExchangePairs:
    """Hands one modality on from sample to sample, around a ring of random samples, so that none keeps its own.

    Args:
        exchange, against: the two modalities.
        share: of the samples that have both.
        name: of the entry that says which pairs are true; it is there where both modalities are.
    """

    def __init__(self, exchange: str, against: str, share: float, name: str) -> None:
        self.exchange, self.against, self.share, self.name = exchange, against, share, name

    def __call__(self, batch: Mapping[str, Features]) -> dict[str, Features]:
        entry, other = batch[self.exchange], batch[self.against]
        both_B = entry.presence() & other.presence()
        whole = both_B.nonzero()[:, 0]
        ring = whole[torch.randperm(len(whole))][: round(self.share * len(whole))]
        source_B = torch.arange(len(both_B))
        source_B[ring] = ring.roll(1)  # a ring of one hands its own on to itself
        matched_B = (source_B == torch.arange(len(both_B))).long()
        known = None if entry.valid is None and other.valid is None else both_B
        return {
            **batch,
            self.exchange: Features(entry.values[source_B], entry.valid),
            self.name: Features(matched_B, known),
        }
