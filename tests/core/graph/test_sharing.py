"""Shared and tied weights: one tensor under its owner's name, whatever the chain."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from antifaz.core.graph.module import Graph
from antifaz.core.graph.sharing import assign_aliases
from antifaz.core.graph.wiring import NodePlan, Wiring, wire
from antifaz.core.streams import Shape
from antifaz.plugins.contrastive.spec import Projection
from antifaz.registry import SpecError


def wired(**plans: NodePlan) -> Wiring:
    inputs = {"a": Shape((4,)), "b": Shape((6,))}
    return wire(plans, inputs, lambda path, message, hint=None: pytest.fail(message))


def projection(width: int = 2) -> Projection:
    return Projection(width=width, hidden=3, norm="batch")


def test_parameters_and_kept_buffers_are_the_owner_s() -> None:
    graph = Graph(wired(x=NodePlan(projection(), "batch.a"), y=NodePlan(projection(), "batch.a", share="x")))
    assert {name.partition(".")[0] for name in graph.weights()} == {"x"}
    assert graph.aliases["y.map.out.weight"] == "x.map.out.weight"
    assert graph.aliases["y.map.hidden.norm.mean"] == "x.map.hidden.norm.mean"
    assert graph.y.map.out.weight is graph.x.map.out.weight
    assert graph.double().y.map.hidden.norm.mean is graph.x.map.hidden.norm.mean


def test_a_tie_joins_single_parameters() -> None:
    tie = {"map.out.weight": "x.map.out.weight"}
    graph = Graph(wired(x=NodePlan(projection(), "batch.a"), y=NodePlan(projection(), "batch.a", tie=tie)))
    assert graph.y.map.out.weight is graph.x.map.out.weight
    assert graph.y.map.out.bias is not graph.x.map.out.bias


@pytest.mark.parametrize(
    ("plan", "message", "field"),
    [
        (NodePlan(projection(), "batch.b", share="x"), "parameters differ: map.hidden.up.weight", "y.share"),
        (NodePlan(projection(5), "batch.a", tie={"map.out.bias": "x.map.out.bias"}), r"shapes are \[5\] and \[2\]", "y.tie"),
        (NodePlan(projection(), "batch.a", tie={"map.out.bias": "x.map.bias"}), "there is no parameter 'x.map.bias'", "y.tie"),
    ],
)
def test_what_does_not_fit_is_refused(plan: NodePlan, message: str, field: str) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        Graph(wired(x=NodePlan(projection(), "batch.a"), y=plan))
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["class", "forward", "training", "wiring", "_modules"])
def test_nodes_are_not_called_by_keywords_and_members_of_a_module(name: str) -> None:
    with pytest.raises(SpecError, match=f"'{name}' cannot be the name of a node"):
        Graph(wired(**{name: NodePlan(projection(), "batch.a")}))


def test_aliases_are_assigned_by_full_name() -> None:
    module = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    assign_aliases(module, {"b.weight": "a.weight"})
    assert module["b"].weight is module["a"].weight
    assert not torch.equal(module["b"].bias, module["a"].bias)
