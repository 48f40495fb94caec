"""The contract of loss terms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from antifaz.core.objectives import Loss, Term, at_least_float32, masked_sum, no_autocast, reduce, zero_invalid


def term(total: float | Tensor, count: float) -> Term:
    return Term(torch.as_tensor(total, dtype=torch.float64), torch.tensor(count, dtype=torch.float64))


def test_a_loss_is_the_sum_of_the_means_of_its_terms() -> None:
    value = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)
    heads = Loss({"audio": term(value, 3), "video": term(10.0, 4)}, {"audio.accuracy": term(1.0, 4)})
    pairs = Loss({"pairs": term(8.0, 2)}, {"temperature": term(0.1, 1)})
    local, figures = reduce({"labels": heads, "av": pairs}, {"labels": 0.5, "av": 2.0})
    local.backward()
    assert local.item() == pytest.approx(0.5 * (2 + 2.5) + 2 * 4)
    assert value.grad is not None
    assert value.grad.item() == pytest.approx(0.5 / 3)
    assert {name: figure.item() for name, figure in figures.items()} == pytest.approx(
        {
            "loss": 10.25,
            "labels": 4.5,
            "labels.audio": 2.0,
            "labels.video": 2.5,
            "labels.audio.accuracy": 0.25,
            "av": 4.0,
            "av.temperature": 0.1,
        }
    )
    assert not any(figure.requires_grad for figure in figures.values())


def test_a_term_that_nobody_counted_is_zero_and_has_zero_gradient() -> None:
    values = torch.tensor([torch.nan, 2.0], requires_grad=True)
    empty = masked_sum(values, torch.tensor([False, False]))
    local, figures = reduce({"av": Loss({"pairs": Term(empty, torch.zeros(()))})}, {"av": 1.0})
    local.backward()
    assert figures["loss"].item() == 0
    assert values.grad is not None
    assert values.grad.tolist() == [0, 0]


def test_what_is_absent_never_passes() -> None:
    values = torch.tensor([[1.0, 2.0], [torch.nan, torch.inf]], requires_grad=True)
    kept = zero_invalid(values, torch.tensor([True, False]))
    assert kept.tolist() == [[1, 2], [0, 0]]
    kept.square().sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[2, 4], [0, 0]]


def test_full_precision_turns_autocast_off() -> None:
    matrix = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert (matrix @ matrix).dtype == torch.bfloat16
        with no_autocast(matrix):
            assert (matrix @ matrix).dtype == torch.float32
    with no_autocast(torch.ones(1, device="meta")):
        pass


@pytest.mark.parametrize(("given", "expected"), [(torch.bfloat16, torch.float32), (torch.float64, torch.float64)])
def test_at_least_float32_widens_bfloat16_and_keeps_float64(given: torch.dtype, expected: torch.dtype) -> None:
    assert at_least_float32(torch.zeros(1, dtype=given)).dtype == expected
