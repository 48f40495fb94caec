"""The learning rate by step, and what an optimiser does with one."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from antifaz.core.experiment import Optimizer
from antifaz.engine.training.optimization import learning_rate, make_optimizer, set_learning_rate


@pytest.mark.parametrize(
    ("schedule", "share"),
    [
        ("cosine", {0: 1.0, 1: 0.5 + 0.25 * (1 + math.cos(math.pi / 4)), 2: 0.75, 4: 0.5}),
        ("quarter_cosine", {0: 1.0, 1: 0.5 + 0.5 * math.cos(math.pi / 8), 2: 0.5 + 0.5 * math.sqrt(0.5), 4: 0.5}),
        ("constant", {0: 1.0, 1: 1.0, 2: 1.0, 4: 1.0}),
    ],
)
def test_learning_rates(schedule: str, share: dict[int, float]) -> None:
    options = Optimizer(lr=2.0, warmup=4, final=0.5, schedule=schedule)
    assert [learning_rate(step, 8, options) for step in range(4)] == [0.5, 1.0, 1.5, 2.0]
    for step, factor in share.items():
        assert learning_rate(4 + step, 8, options) == pytest.approx(2.0 * factor)


def test_sgd_steps_by_momentum_and_decays_matrices_alone() -> None:
    weights = {"a.matrix": nn.Parameter(torch.ones(1, 1)), "b.vector": nn.Parameter(torch.ones(1))}
    options = Optimizer(lr=0.1, method="sgd", momentum=0.5, weight_decay=0.1)
    optimizer = make_optimizer(weights, options, {"b": 10.0})
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
    assert (options.moments, Optimizer(lr=0.1).moments) == (1, 2)
