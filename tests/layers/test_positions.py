"""Position tables: a vector for each place, their sum over axes, and tables of other grids."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from antifaz.layers.positions import (
    SeparablePositions,
    adapted_positions,
    learned_positions,
    make_positions,
    resampled_positions,
    with_positions,
)


def test_kinds_of_positions() -> None:
    assert make_positions("none", (2, 3), 4) is None
    learned = make_positions("learned", (2, 3), 4)
    assert isinstance(learned, nn.Parameter)
    assert learned.shape == (2, 3, 4)
    normed, plain = (make_positions(kind, (2, 3), 4) for kind in ("separable", "separable_plain"))
    assert isinstance(normed, SeparablePositions)
    assert isinstance(normed.norm, nn.LayerNorm)
    assert isinstance(plain, SeparablePositions)
    assert isinstance(plain.norm, nn.Identity)


def test_a_place_has_the_sum_of_its_indices() -> None:
    table = SeparablePositions((2, 3, 4), 5, norm=False)
    time, row, column = table.axes
    assert table().shape == (2, 3, 4, 5)
    assert torch.equal(table()[1, 2, 3], time[1] + row[2] + column[3])
    normed = SeparablePositions((2, 3), 5, norm=True)()
    assert normed.mean(dim=-1).abs().max() < 1e-5


def test_positions_are_added_in_the_order_of_the_grid() -> None:
    values, table = torch.zeros(2, 6, 4), torch.randn(2, 3, 4)
    assert torch.equal(with_positions(values, table)[1, 4], table[1, 1])
    assert with_positions(values, None) is values
    separable = SeparablePositions((2, 3), 4, norm=False)
    assert torch.equal(with_positions(values, separable)[0, 5], separable()[1, 2])


def test_learned_tables_have_the_published_deviation() -> None:
    torch.manual_seed(0)
    assert float(learned_positions(50, 50, 16).detach().std()) == pytest.approx(0.25, abs=0.01)


def test_a_table_of_its_own_grid_comes_back_as_it_is() -> None:
    table = torch.randn(4, 6, 8)
    assert torch.equal(resampled_positions(table, (4, 6)), table)


def test_a_table_of_another_grid_keeps_what_is_constant_and_what_is_linear_inside() -> None:
    constant = torch.full((4, 3), 2.0)
    assert torch.allclose(resampled_positions(constant, (9,)), torch.full((9, 3), 2.0))
    ramp = torch.arange(16.0)[:, None]
    inside = resampled_positions(ramp, (8,))[2:6, 0]
    assert inside.tolist() == pytest.approx([4.5, 6.5, 8.5, 10.5], abs=0.1)


def test_the_table_of_a_picture_stands_for_every_frame() -> None:
    picture = torch.randn(4, 4, 8)
    clip = resampled_positions(picture, (3, 4, 4))
    assert clip.shape == (3, 4, 4, 8)
    assert all(torch.equal(frame, picture) for frame in clip)
    assert resampled_positions(clip, (4, 4)) is clip


def test_the_tables_among_weights_are_adapted() -> None:
    weights = {"positions": torch.randn(2, 2, 4), "kernel": torch.randn(5)}
    found = adapted_positions(weights, (4, 4))
    assert found["positions"].shape == (4, 4, 4)
    assert found["kernel"] is weights["kernel"]
    assert weights["positions"].shape == (2, 2, 4)
    separable = {f"positions.axes.{i}": torch.randn(2, 4) for i in range(2)}
    assert [table.shape[0] for table in adapted_positions(separable, (3, 5)).values()] == [3, 5]
