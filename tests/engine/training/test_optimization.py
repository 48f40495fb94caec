"""The learning rate by step, and what an optimiser does with one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from antifaz.engine.training.optimization import build_optimizer, set_learning_rate
from antifaz.registry import component_of


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        ("cosine", {0: 1.0, 1: 0.5 + 0.25 * (1 + math.cos(math.pi / 4)), 2: 0.75, 4: 0.5}),
        ("quarter_cosine", {0: 1.0, 1: 0.5 + 0.5 * math.cos(math.pi / 8), 2: 0.5 + 0.5 * math.sqrt(0.5), 4: 0.5}),
        ("constant", {0: 1.0, 1: 1.0, 2: 1.0, 4: 1.0}),
    ],
)
def test_learning_rates(plugins, schedule: str, share: dict[int, float]) -> None:
    left = "" if schedule == "constant" else ", min_lr_ratio: 0.5"
    spec = component_of(f"{{use: {schedule}, warmup: 4{left}}}", "schedule", plugins.catalogue)
    assert [spec.rate(step, 8, 2.0) for step in range(4)] == [0.5, 1.0, 1.5, 2.0]
    for step, factor in share.items():
        assert spec.rate(4 + step, 8, 2.0) == pytest.approx(2.0 * factor)


def test_sgd_steps_by_momentum_and_decays_matrices_alone(plugins) -> None:
    weights = {"a.matrix": nn.Parameter(torch.ones(1, 1)), "b.vector": nn.Parameter(torch.ones(1))}
    options = component_of("{use: sgd, lr: 0.1, momentum: 0.5, weight_decay: 0.1}", "optimizer", plugins.catalogue)
    optimizer = build_optimizer(weights, options, {"b": 10.0})
    set_learning_rate(optimizer, options.lr)
    matrix, vector, matrix_move, vector_move = 1.0, 1.0, 0.0, 0.0
    for _ in range(3):
        for parameter in weights.values():
            parameter.grad = torch.full_like(parameter, 0.2)
        optimizer.step()
        matrix_move = 0.5 * matrix_move + 0.2 + 0.1 * matrix
        vector_move = 0.5 * vector_move + 0.2
        matrix, vector = matrix - 0.1 * matrix_move, vector - 1.0 * vector_move
    assert weights["a.matrix"].item() == pytest.approx(matrix, abs=1e-6)
    assert weights["b.vector"].item() == pytest.approx(vector, abs=1e-6)
    assert (options.moments, component_of("{use: adamw, lr: 0.1}", "optimizer", plugins.catalogue).moments) == (1, 2)


def test_adamw_has_its_own_rate_and_decay_by_group(plugins) -> None:
    """Groups by scale and decay, in the order of their first parameter, as torch.optim.AdamW takes them."""
    weights = {
        "a.matrix": nn.Parameter(torch.ones(1, 1)),
        "a.bias": nn.Parameter(torch.ones(1)),
        "b.matrix": nn.Parameter(torch.ones(1, 1)),
    }
    spec = component_of("{use: adamw, lr: 0.1, weight_decay: 0.2, betas: [0.8, 0.9], eps: 1.0e-6}", "optimizer", plugins.catalogue)
    optimizer = build_optimizer(weights, spec, {"b": 0.5})
    assert isinstance(optimizer, torch.optim.AdamW)
    groups = [(g["lr"], g["weight_decay"], g["betas"], g["eps"]) for g in optimizer.param_groups]
    assert groups == [(0.1, 0.2, (0.8, 0.9), 1e-6), (0.1, 0.0, (0.8, 0.9), 1e-6), (0.05, 0.2, (0.8, 0.9), 1e-6)]
    set_learning_rate(optimizer, 0.01)
    assert [g["lr"] for g in optimizer.param_groups] == [0.01, 0.01, 0.005]
