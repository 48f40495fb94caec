"""Batch normalisation over places, as of pictures; vectors are tested with the projection that uses it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from antifaz.layers.batch_norm import MaskedBatchNorm


@pytest.mark.parametrize(("places", "theirs"), [((4, 5), nn.BatchNorm2d), ((2, 3, 4), nn.BatchNorm3d)])
def test_every_place_of_a_valid_sample_counts(places: tuple[int, ...], theirs: type[nn.Module]) -> None:
    x = torch.randn(6, 3, *places, dtype=torch.float64)
    valid = torch.tensor([True, False, True, True, False, True])
    ours, reference = MaskedBatchNorm(3).double(), theirs(3).double()
    found, expected = ours(x, valid), reference(x[valid])
    assert (found[valid] - expected).abs().max() < 1e-12
    assert (ours.mean - reference.running_mean).abs().max() < 1e-12
    assert (ours.variance - reference.running_var).abs().max() < 1e-12
    everything, other = MaskedBatchNorm(3).double(), MaskedBatchNorm(3).double()
    assert (everything(x, None) - other(x, torch.ones(6, dtype=torch.bool))).abs().max() < 1e-12
    assert (everything.variance - other.variance).abs().max() < 1e-12
    ours.eval(), reference.eval()
    assert (ours(x, valid)[valid] - reference(x[valid])).abs().max() < 1e-12


@pytest.mark.parametrize("valid", [torch.tensor([True, False, False, False]), None])
def test_a_single_number_says_nothing_of_the_variance(valid: torch.Tensor | None) -> None:
    torch.manual_seed(0)
    norm = MaskedBatchNorm(3)
    for _ in range(60):
        norm(2 * torch.randn(4 if valid is not None else 1, 3) + 5, valid)
    assert norm.variance.tolist() == [1.0, 1.0, 1.0]
    assert (norm.mean - 5).abs().max() < 2.0
