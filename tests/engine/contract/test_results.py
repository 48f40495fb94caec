"""Losses and figures that components return, and methods that they must have."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from antifaz.core.errors import ComponentError
from antifaz.core.objectives import Loss, Term
from antifaz.core.tokens import Features
from antifaz.engine.contract.results import (
    figures_fault,
    loss_fault,
    lower_is_better,
    require_members,
    require_optimizer,
    unchanged,
)
from antifaz.plugins.optimizers.sgd import SGD

ONE = torch.ones(())


@pytest.mark.parametrize(
    ("loss", "fault"),
    [
        (Loss({"a": Term(ONE, ONE)}), None),
        (Loss({"a": Term(ONE, ONE)}, {"b": Term(ONE, ONE)}), None),
        (ONE, "a Tensor, not a Loss"),
        (Loss({}), "a Loss without terms: there is nothing to minimise"),
        (Loss({"a": ONE}), "the term 'a' as Tensor, not as a Term"),  # type: ignore[dict-item]
        (Loss({"a": Term(ONE[None], ONE)}), "the total of the term 'a' as a tensor [1], not as a 0-dim tensor"),
        (Loss({"a": Term(ONE, ONE)}, {"b": Term(ONE, 3)}), "the count of the log 'b' as int, not as a 0-dim tensor"),  # type: ignore[arg-type]
    ],
)
def test_losses(loss: Any, fault: str | None) -> None:
    assert loss_fault(loss) == fault


@pytest.mark.parametrize(
    ("figures", "fault"),
    [
        ({"a": 1.0, "b": 2, "c": float("nan")}, None),
        (ONE, "a tensor [], not a mapping of names to numbers"),
        (0.5, "a bare float, not a mapping of names to numbers"),
        ({}, "no figure at all"),
        ({3: 0.5}, "a figure under 3, which is no name"),
        ({"a": ONE}, "'a' as a tensor [], not as a number: `.item()` makes one"),
        ({"a": {"b": 1.0}}, "'a' as dict, not as a number: `float()` makes one"),
    ],
)
def test_figures(figures: Any, fault: str | None) -> None:
    assert figures_fault(figures) == fault


def test_methods_and_optimizers() -> None:
    assert require_members(SGD(lr=0.1), [], ("append",)) == []
    with pytest.raises(ComponentError, match="the optimizer 'sgd' of the plugin 'optimizers' builds an object without `log`: list"):
        require_members(SGD(lr=0.1), [], ("append", "log"))
    with pytest.raises(ComponentError, match=r"builds a list, not a torch.optim.Optimizer"):
        require_optimizer(SGD(lr=0.1), [], [])
    weights = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))]
    require_optimizer(SGD(lr=0.1), torch.optim.SGD([{"params": weights, "scale": 1.0}]), weights)
    with pytest.raises(ComponentError, match="builds groups of parameters without the `scale`"):
        require_optimizer(SGD(lr=0.1), torch.optim.SGD(weights), weights)
    with pytest.raises(ComponentError, match="leaves out 1 of the 2 parameters"):
        require_optimizer(SGD(lr=0.1), torch.optim.SGD([{"params": weights[:1], "scale": 1.0}]), weights)


def test_a_metric_may_not_change_what_others_are_given() -> None:
    arguments = {"values": {"a": Features(torch.ones(3))}}
    with unchanged(arguments, SGD(lr=0.1)):
        arguments["values"]["a"].values.sum()
    with pytest.raises(ComponentError, match="changes the values that it is given in place"), unchanged(arguments, SGD(lr=0.1)):
        arguments["values"]["a"].values.zero_()


def test_what_is_lower_is_named() -> None:
    assert lower_is_better(SimpleNamespace(lower_is_better=("b", "a")), SGD(lr=0.1)) == ["a", "b"]
    assert lower_is_better(object(), SGD(lr=0.1)) == []
    with pytest.raises(ComponentError, match="has 'error' as `lower_is_better`, not a collection of names"):
        lower_is_better(SimpleNamespace(lower_is_better="error"), SGD(lr=0.1))
