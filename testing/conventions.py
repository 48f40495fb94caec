"""Checks of FLOP conventions: what they name can be counted."""

from __future__ import annotations

import torch

from antifaz.analysis.cost import counting

from .case import Case


def counts_attention(case: Case) -> None:
    """A call of attention on the meta device counts as a whole number, twice as much for twice the samples."""
    found = []
    for batch in (1, 2):
        q_BHND = torch.empty(batch, 3, 5, 8, device="meta")
        with counting(case.spec) as counter:
            torch.nn.functional.scaled_dot_product_attention(q_BHND, q_BHND, q_BHND)
        found.append(counter.get_total_flops())
    assert all(isinstance(count, int) and count >= 0 for count in found), f"no counts: {found}"
    assert found[1] == 2 * found[0], f"one sample counts {found[0]}, two {found[1]}"
