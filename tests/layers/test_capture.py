"""Capture: what it keeps is what was computed, the same in every lowering, and nothing outside of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import antifaz
from antifaz.core.graph.loading import fake_batch
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.routing import Edge, Routing
from antifaz.core.tokens import Features
from antifaz.layers.attention import attend, listeners
from antifaz.layers.capture import OUTPUT, Captured, capturable, capture
from antifaz.registry import SpecError

ROUTING = Routing(
    {
        "a": {"a": Edge.CAUSAL, "b": Edge.FULL},
        "b": {"b": Edge.FULL},
        "f": {"a": Edge.FULL, "b": Edge.FULL, "f": Edge.FULL},
    }
)
SIZES = {"a": 3, "b": 4, "f": 2}


@pytest.fixture
def graph(tiny) -> Graph:
    return build_graph(tiny().wirings["pretrain"]).eval()


@pytest.fixture
def batch(graph: Graph) -> dict[str, Features]:
    torch.manual_seed(0)
    return fake_batch(graph.wiring.inputs, 3)


def streams(width: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(3)
    return {name: torch.randn(2, size, width, generator=generator) for name, size in SIZES.items()}


def test_weights_times_values_are_the_output(graph: Graph, batch: dict[str, Features]) -> None:
    """Of the encoder's first layer, worked out again from its weights and its input."""
    names = ["encoder.blocks.0.attention_norm", "encoder.blocks.0.attention"]
    with torch.no_grad(), capture(graph, names) as captured:
        graph(batch, ["pooled"])
    attention = graph.get_submodule("encoder.blocks.0.attention")
    kept = captured["encoder.blocks.0.attention"]
    normed = [call.streams[OUTPUT] for name, call in captured.items() if "norm" in name]
    sources = dict(zip(("video", "audio", "fusion"), normed, strict=True))
    for reader, output in kept.streams.items():
        total = 0.0
        for (of, source), weights in kept.attention.items():
            if of == reader:
                values = attention.key_value(sources[source]).chunk(2, dim=-1)[1].unflatten(2, (2, -1)).transpose(1, 2)
                total = total + weights @ values
        assert torch.allclose(attention.out(total.transpose(1, 2).flatten(2)), output, atol=1e-5)
        assert torch.allclose(sum(w.sum(-1) for (of, _), w in kept.attention.items() if of == reader), torch.ones(()), atol=1e-5)


@pytest.mark.parametrize("marked", [False, True])
def test_every_lowering_gives_the_same_weights_and_they_give_its_output(marked: bool) -> None:
    x = {name: value.unflatten(2, (2, 16)).transpose(1, 2) for name, value in streams(32).items()}
    valid: dict[str, Tensor | None] = {}
    if marked:
        valid = {name: torch.ones(2, size, dtype=torch.bool) for name, size in SIZES.items()}
        valid["b"][0] = valid["a"][1, 2:] = False
    heard: list[dict[tuple[str, str], Tensor]] = []
    for lowering in ("grouped", "dense", "flex"):
        call = Listening(lowering, valid)
        with capture(call, ["inner"]) as captured:
            out = call(x)
        kept = captured["inner"]
        heard.append(kept.attention)
        for reader, value in out.items():
            total = sum(weights @ x[source] for (of, source), weights in kept.attention.items() if of == reader)
            assert torch.allclose(value, total, atol=1e-5)
    for weights in heard[1:]:
        assert weights.keys() == heard[0].keys()
        assert all(torch.equal(weights[edge], heard[0][edge]) for edge in weights)
    if marked:
        assert not heard[0]["b", "b"][0].any()
        assert not heard[0]["f", "a"][1, ..., 2:].any()


class Listening(torch.nn.Module):
    """A module within a module that attends in a lowering."""

    def __init__(self, lowering, valid) -> None:
        super().__init__()
        self.inner = Inner(lowering, valid)

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.inner(x)


class Inner(torch.nn.Module):
    def __init__(self, lowering, valid) -> None:
        super().__init__()
        self.lowering, self.valid = lowering, valid

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        return attend(x, x, x, ROUTING, valid=self.valid, lowering=self.lowering)


def test_streams_of_blocks_and_attention_of_their_own_modules(graph: Graph, batch: dict[str, Features]) -> None:
    with torch.no_grad(), capture(graph, ["encoder.blocks.0-5", "encoder.**.attention", "pooled"]) as captured:
        graph(batch, ["pooled"])
    assert set(captured) == {*(f"encoder.blocks.{i}{end}" for i in range(2) for end in ("", ".attention")), "pooled"}
    block = captured["encoder.blocks.1"]
    assert {name: value.shape[2] for name, value in block.streams.items()} == {"video": 16, "audio": 16, "fusion": 16}
    assert block.attention == {}
    assert ("video", "audio") not in captured["encoder.blocks.0.attention"].attention
    assert captured["pooled"].streams["global"].shape == (3, 16)


def test_nothing_changes_and_nothing_stays(graph: Graph, batch: dict[str, Features]) -> None:
    outputs = ["audio_z", "video_z"]
    graph.train()  # dropout too

    def run() -> dict[str, Tensor]:
        torch.manual_seed(0)
        return {name: value.values for name, value in graph(batch, outputs).items()}

    before = run()
    with capture(graph, ["**"]) as captured:
        within = run()
    kept = set(captured)
    after = run()
    for other in (within, after):
        assert all(torch.equal(before[name], other[name]) for name in outputs)
    assert set(captured) == kept
    assert listeners == []
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in graph.modules())


def test_a_pass_replaces_the_one_before(graph: Graph, batch: dict[str, Features]) -> None:
    with torch.no_grad(), capture(graph, ["encoder.blocks.0", "pooled.attention"]) as captured:
        graph(batch, ["pooled"])
        graph({"audio": batch["audio"]}, ["pooled.audio"])
    assert list(captured["encoder.blocks.0"].streams) == ["audio"]
    assert list(captured["pooled.attention"].attention) == [("audio", "audio")]


def test_values_are_detached_unless_gradients_are_wanted(graph: Graph, batch: dict[str, Features]) -> None:
    for gradients in (False, True):
        with capture(graph, ["pooled.attention"], gradients=gradients) as captured:
            graph(batch, ["pooled"])
        kept: Captured = captured["pooled.attention"]
        values = [*kept.attention.values(), *kept.streams.values()]
        assert all(value.requires_grad == gradients for value in values)


def test_a_module_that_fails_leaves_nothing_behind(graph: Graph, batch: dict[str, Features]) -> None:
    wrong = {name: Features(value.values[..., :-1]) for name, value in batch.items()}
    with pytest.raises(Exception), capture(graph, ["**.attention"]) as captured:  # noqa: B017
        graph(wrong, ["pooled"])
    with capture(graph, ["**.attention"]) as captured:
        graph(batch, ["pooled"])
    assert captured["pooled.attention"].attention
    assert listeners == []


def test_a_compiled_model_runs_eagerly_within_it(graph: Graph, batch: dict[str, Features]) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(graph, backend="aot_eager")
    with torch.no_grad():
        first = compiled(batch, ["audio_z"])["audio_z"].values
        with capture(compiled, ["encoder.blocks.*.attention"]) as captured:
            compiled(batch, ["audio_z"])
        assert set(captured) == {"encoder.blocks.0.attention", "encoder.blocks.1.attention"}
        assert torch.equal(compiled(batch, ["audio_z"])["audio_z"].values, first)


def test_unknown_names_are_told_the_nearest(graph: Graph) -> None:
    with (
        pytest.raises(SpecError, match=r"no module of the graph is called 'encoder.blocks.0.atention'") as error,
        capture(graph, ["encoder.blocks.0.atention"]),
    ):
        pass
    assert "did you mean 'encoder.blocks.0.attention'?" in str(error.value.hint)
    assert "capturable" in str(error.value.hint)


def test_what_can_be_captured_has_names_and_shapes(graph: Graph, batch: dict[str, Features]) -> None:
    known = capturable(graph)
    assert [name for name, each in known.items() if each.attention] == [
        "encoder.blocks.0.attention",
        "encoder.blocks.1.attention",
        "pooled.attention",
    ]
    with torch.no_grad(), antifaz.capture(graph, list(known)) as captured:
        graph({name: value.map(lambda t: t[:2]) for name, value in batch.items()}, list(graph.wiring.nodes))
    assert set(captured) == set(known)
    for name, each in known.items():
        assert {k: v.shape for k, v in each.streams.items()} == {k: v.shape for k, v in captured[name].streams.items()}
        assert {k: v.shape for k, v in each.attention.items()} == {k: v.shape for k, v in captured[name].attention.items()}


@pytest.mark.parametrize("name", ["quickstart-swin", "quickstart-hip", "quickstart-perceiver", "quickstart-mbt", "pemt-tiny"])
def test_attention_of_every_shipped_backbone_can_be_captured(plugins, name: str) -> None:
    wiring = antifaz.read(name, plugins).wiring
    attending = [
        module.partition(".")[0] for module, each in capturable(build_graph(wiring, device="meta")).items() if each.attention
    ]
    backbones = {node for node, each in wiring.nodes.items() if each.kind.name == "backbone"}
    assert backbones
    assert backbones <= set(attending)
