"""Losses and figures that components return, and methods that they must have."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from antifaz.core.errors import ComponentError
from antifaz.core.objectives import Loss, Term
from antifaz.engine.contract.results import figures_fault, loss_fault, require_members, require_optimizer
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
        require_optimizer(SGD(lr=0.1), [])
