"""check: what a node hands over is held against its spec, and it alone is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from antifaz.analysis.check.nodes import node_problems
from antifaz.core.experiment import read
from antifaz.core.graph.module import Graph, build_graph
from antifaz.core.tokens import Features, Tokens

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def graph(plugins) -> Graph:
    return build_graph(read("quickstart", plugins).wiring, device="meta").eval()


def changed(graph: Graph, node: str, change: Change) -> None:
    graph.get_submodule(node).register_forward_hook(lambda module, arguments, values: change(values))


def each(change: Callable[[Tokens], Any]) -> Change:
    return lambda values: {name: change(value) for name, value in values.items()}


VIT = "node 'encoder': the backbone 'vit' of the plugin 'vit'"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            each(lambda tokens: tokens.with_values(tokens.values[..., :16])),
            "hands over encoder.video with the shape [32, 16], its spec declares [32, 64]",
        ),
        (each(lambda tokens: tokens.values), "hands over 'video' as a bare tensor [2, 32, 64], neither Tokens nor Features"),
        (lambda values: [], "hands over a list, neither Tokens, Features nor a mapping of names to them"),
        (lambda values: {**values, "more": values["video"]}, "hands over encoder.more, which its spec does not declare"),
        (
            lambda values: {name: value for name, value in values.items() if name != "audio"},
            "does not hand over encoder.audio, which its spec declares",
        ),
        (each(lambda tokens: Features(tokens.values)), "hands over encoder.video as Features, its spec declares Tokens"),
        (
            each(lambda t: t.with_values(t.values.double())),
            "hands over encoder.video as float64, tokens are float32",
        ),
        (
            each(lambda tokens: Tokens(tokens.values, (1, *tokens.grid))),
            "hands over encoder.video with the grid [1, 2, 4, 4], its spec declares [2, 4, 4]",
        ),
        (
            each(lambda tokens: tokens.with_values(tokens.values[:1])),
            "hands over encoder.video as [1, 32, 64] for a batch of 2, which is no first axis of that",
        ),
    ],
)
def test_what_a_node_hands_over_is_held_against_its_spec(graph: Graph, change: Change, said: str) -> None:
    changed(graph, "encoder", change)
    problems = node_problems(graph)
    assert problems[0].message == f"{VIT} {said}"
    assert {problem.message.partition(" hand")[0].removesuffix(" does not") for problem in problems} == {VIT}
    assert {problem.location for problem in problems} == {graph.wiring.locate(("encoder",))}
    assert all(problem.hint for problem in problems)


def test_nodes_that_follow_are_left_out_and_others_are_not(plugins) -> None:
    experiment = read("quickstart", plugins, ["graph.video_z.width=32", "graph.audio_z.width=32"])
    graph = build_graph(experiment.wiring, device="meta").eval()
    changed(graph, "labels", lambda values: {k: v for k, v in values.items() if k != "audio"})
    graph.video_z.register_forward_hook(lambda module, arguments, values: {"video_z": arguments[0]["video"]})
    problems = {problem.message.partition(": ")[0]: problem for problem in node_problems(graph)}
    assert set(problems) == {"node 'video_z'", "node 'labels'"}
    assert problems["node 'video_z'"].message.endswith("hands over video_z with the shape [64], its spec declares [32]")
    assert problems["node 'labels'"].message.endswith("does not hand over labels.audio, which its spec declares")
    assert all(problem.location.file.endswith("quickstart.yaml") for problem in problems.values())


def test_a_node_that_cannot_run_is_named_alone(graph: Graph) -> None:
    def fail(module, arguments):
        raise RuntimeError("no such luck")

    graph.encoder.register_forward_pre_hook(fail)
    (problem,) = node_problems(graph)
    assert problem.message == "the backbone 'vit' cannot run: RuntimeError: no such luck"
    assert problem.location == graph.wiring.locate(("encoder",))


def test_folded_axes_hide_no_wrong_type(plugins) -> None:
    wirings = read("vatt-tiny", plugins).graphs.values()
    wiring, folded = next((w, name) for w in wirings for name, node in w.nodes.items() if node.plan.batch_axes > 1)
    graph = build_graph(wiring, device="meta").eval()
    changed(graph, folded, lambda values: torch.zeros(2, device="meta"))
    (problem,) = node_problems(graph)
    assert "hands over a bare tensor [2], neither Tokens" in problem.message
