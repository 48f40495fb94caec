"""FLOPs and memory, counted on the meta device, against figures known by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from antifaz.analysis.cost import OutputFlops, attention_operator, counting, forward_flops, step_cost
from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import build_graph
from antifaz.core.objectives import Loss, Term
from antifaz.core.routing import Edge, Routing
from antifaz.core.tokens import Features
from antifaz.layers.attention import attend


@pytest.mark.parametrize("edge", [Edge.FULL, Edge.CAUSAL])
def test_attention_counts_by_its_allowed_pairs(edge: Edge) -> None:
    routing = Routing({"a": {"a": edge}, "b": {"a": Edge.FULL, "b": edge}})
    lengths = {"a": 5, "b": 7}
    q = {name: torch.empty(2, 3, n, 8, device="meta", requires_grad=True) for name, n in lengths.items()}
    pairs = int(routing.dense(lengths, lengths).sum())
    with counting() as counter:
        total = sum(x.sum() for x in attend(q, q, q, routing).values())
        forward = counter.get_total_flops()
        total.backward()
    assert forward == 4 * 2 * 3 * pairs * 8
    assert counter.get_total_flops() == 3 * forward


class OneMap(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(10, 20, device="meta")
        self.fixed = nn.Linear(4, 4, device="meta")

    def forward(self, batch: dict[str, Features]) -> dict[str, Loss]:
        values = self.map(batch["x"].values).exp()
        return {"loss": Loss({"": Term(values.sum(), torch.ones((), device="meta"))})}


def test_a_step_counts_forward_and_backward_and_what_autograd_keeps() -> None:
    cost = step_cost(OneMap(), {"x": Features(torch.empty(6, 10, device="meta"))}, moments=2)
    product = 2 * 6 * 10 * 20
    assert cost.flops == 2 * product  # forward, and the weight's gradient; the input has none
    assert cost.activations == 4 * (6 * 10 + 6 * 20)  # the input of the map, the result of exp
    weights = 10 * 20 + 20
    assert cost.state == 4 * (weights + 3 * weights + 20)
    assert cost.batch_size == 6


def test_a_formula_replaces_the_true_count_of_its_operator() -> None:
    q = torch.empty(2, 3, 5, 8, device="meta")
    with counting({attention_operator(): lambda q, k, v, pairs, *_, **__: pairs}) as counter:
        torch.nn.functional.scaled_dot_product_attention(q, q, q)
    assert counter.get_total_flops() == 5 * 5


def test_an_output_by_itself_costs_the_nodes_that_it_needs(plugins) -> None:
    graph = build_graph(read("quickstart", plugins).wiring, device="meta")
    batch = fake_batch({name: graph.wiring.inputs[name] for name in ("audio", "video")}, 1, "meta")
    asked = forward_flops(graph, batch, ["labels.audio"])
    assert asked["video"] == 0
    assert OutputFlops(graph, batch)("labels.audio") == sum(asked.values())
