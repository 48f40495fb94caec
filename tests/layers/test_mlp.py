"""MLPs and stochastic depth: what they compute, and what is drawn in training alone."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from antifaz.layers.mlp import MLP, DropPath, drop_path_rates


def test_an_mlp_is_linear_gelu_linear() -> None:
    torch.manual_seed(0)
    mlp, x = MLP(6, 10).double(), torch.randn(2, 3, 6, dtype=torch.float64)
    expected = F.gelu(x @ mlp.up.weight.T + mlp.up.bias) @ mlp.down.weight.T + mlp.down.bias
    assert torch.allclose(mlp(x), expected, atol=1e-12)


def test_dropout_is_for_training() -> None:
    torch.manual_seed(0)
    mlp, x = MLP(6, 10, dropout=0.5), torch.randn(2, 3, 6)
    assert (mlp(x) == 0).any()
    mlp.eval()
    assert torch.equal(mlp(x), mlp(x))
    assert (mlp(x) != 0).all()


def test_a_branch_is_dropped_for_whole_samples_and_keeps_its_mean() -> None:
    torch.manual_seed(0)
    dropped = DropPath(0.25)(torch.ones(4000, 2, 3))
    samples = dropped.flatten(1)
    assert ((samples == 0).all(dim=1) | (samples == 4 / 3).all(dim=1)).all()
    assert float(dropped.mean()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("probability", "training"), [(0.0, True), (0.9, False)])
def test_nothing_is_dropped_in_evaluation_or_at_zero(probability: float, training: bool) -> None:
    x = torch.randn(8, 2, 3)
    assert DropPath(probability).train(training)(x) is x


@pytest.mark.parametrize(
    ("last", "depth", "rates"), [(0.3, 4, [0.0, 0.1, 0.2, 0.3]), (0.3, 1, [0.0]), (0.0, 3, [0.0, 0.0, 0.0]), (0.3, 0, [])]
)
def test_rates_rise_to_the_last_block(last: float, depth: int, rates: list[float]) -> None:
    assert drop_path_rates(last, depth) == pytest.approx(rates)
