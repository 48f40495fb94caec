"""Weights from outside: names of streams as names of parameters, and weights that were saved under older ones."""

from __future__ import annotations

import pytest
import torch

from antifaz.core.experiment import read
from antifaz.core.graph.loading import fake_batch, fit_weights, misfits, renamed
from antifaz.core.graph.module import build_graph
from antifaz.core.streams import Shape
from antifaz.core.tokens import Features


@pytest.fixture(scope="module")
def quickstart(plugins):
    return read("quickstart", plugins).wiring


def test_a_fake_batch_has_the_declared_shapes_and_bounds() -> None:
    batch = fake_batch({"video": Shape((3, 4)), "label": Shape((5,), dtype="int64", classes=("a", "b", "c"))}, 50)
    assert batch["video"].values.shape == (50, 3, 4)
    assert set(batch["label"].values.unique().tolist()) == {0, 1, 2}


def test_parameters_have_names_that_python_can_write(quickstart) -> None:
    graph = build_graph(quickstart, device="meta")
    parts = {part for name, _ in graph.named_parameters() for part in name.split(".") if not part.isdigit()}
    assert "global_" in parts
    assert "global" not in parts


def test_an_exported_graph_gives_the_same_answers(quickstart) -> None:
    graph = build_graph(quickstart).eval()
    batch = fake_batch({name: quickstart.inputs[name] for name in ("audio", "video")}, 2)

    class Answers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = graph

        def forward(self, batch: dict[str, Features]) -> dict[str, torch.Tensor]:
            return {name: value.values for name, value in self.model(batch, ["labels", "pooled"]).items()}

    with torch.no_grad():
        expected = Answers()(batch)
        exported = torch.export.export(Answers(), (batch,), strict=False).module()(batch)
    assert "pooled.global" in expected
    for name, value in expected.items():
        torch.testing.assert_close(exported[name], value)


def test_weights_under_older_names_load(quickstart) -> None:
    donor, graph = build_graph(quickstart, seed=1), build_graph(quickstart, seed=2)
    old = {name.replace("global_", "global"): value for name, value in donor.weights().items()}
    assert old.keys() != donor.weights().keys()
    assert graph.load_weights(old) == []
    assert all(torch.equal(value, donor.weights()[name]) for name, value in graph.weights().items())


def test_only_names_that_the_node_lacks_are_changed() -> None:
    a, b = torch.zeros(1), torch.ones(1)
    assert renamed({"maps.global.0": a, "up": b}, {"maps.global_.0": a, "up": b}) == {"maps.global_.0": a, "up": b}
    assert renamed({"maps.global.0": a}, {"other": a}) == {"maps.global.0": a}


def test_misfits_are_told_one_by_one() -> None:
    own = {"up": torch.zeros(2), "down": torch.zeros(3), "bias": torch.zeros(1)}
    given = {"ups": torch.zeros(2), "down": torch.zeros(4), "bias": torch.zeros(1)}
    assert misfits(own, given) == ["missing: up", "unknown: ups; did you mean 'up'?", "down is [4], the graph wants [3]"]


def test_a_module_may_adapt_and_add() -> None:
    class Longer(torch.nn.Module):
        def adapt(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"table": weights["table"].repeat(2), "new": torch.ones(1)}

    fitted, changes = fit_weights("text", Longer(), {"table": torch.arange(2.0)})
    assert fitted["table"].tolist() == [0, 1, 0, 1]
    assert changes == ["adapted text.table from [2] to [4]", "text.new is not given, and filled in by its module"]
