"""Pairs that do not belong together. Axes: B batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from antifaz.core.tokens import Features


class MismatchedPairs:
    """Hands one modality on from sample to sample, around a ring of random samples, so that none keeps its own.

    The ring has at least two samples. Where it should have some and only one sample has both modalities, no pair can be false, and
    true ones alone would teach that every pair is true: then the answer is absent.

    Args:
        exchange, against: the two modalities; a sample that has several candidates of one has it where any is there.
        share: of the samples that have both.
        name: of the entry that says which pairs are true; it is there where both modalities are.
    """

    def __init__(self, exchange: str, against: str, share: float, name: str) -> None:
        self.exchange, self.against, self.share, self.name = exchange, against, share, name

    def __call__(self, batch: Mapping[str, Features]) -> dict[str, Features]:
        entry, other = batch[self.exchange], batch[self.against]
        both_B = entry.in_samples() & other.in_samples()
        whole = both_B.nonzero()[:, 0]
        alone = self.share > 0 and len(whole) == 1
        size = max(2, round(self.share * len(whole))) if self.share > 0 and not alone else 0
        ring = whole[torch.randperm(len(whole))][:size]
        source_B = torch.arange(len(both_B))
        source_B[ring] = ring.roll(1)
        matched_B = (source_B == torch.arange(len(both_B))).long()
        everywhere = entry.valid is None and other.valid is None and not alone
        return {
            **batch,
            self.exchange: Features(entry.values[source_B], None if entry.valid is None else entry.valid[source_B]),
            self.name: Features(matched_B, None if everywhere else both_B & (not alone)),
        }
